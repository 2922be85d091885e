/*-------------------------------------------------------------------------
 *
 * look.h
 *		what is taken of a resource, for callers that only look
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LOOK_H
#define BOOKING_LOOK_H

#include "base/period.h"
#include "engine/peak.h"
#include "engine/resource.h"
#include "engine/slots.h"

/* What takes the resource whole, and so each of its seats. */
#define ALL_SEATS	(-1)

typedef enum TakenBy
{
	TAKEN_BY_BOOKING,
	TAKEN_BY_SLOT,				/* published, of several places */
	TAKEN_BY_LINE				/* would be offered to an entry of the line */
} TakenBy;

typedef struct TakenAs
{
	int32		seat_no;		/* 0: not of a seat */
	TakenBy		by;
	TimestampTz expires_at;		/* of a hold; DT_NOEND: none */
} TakenAs;

/* Two arrays side by side: one to compute with, and one with the rest of what is known. */
typedef struct Taken
{
	const Resource *resource;
	TimestampTz now;
	PeakItem   *item;
	TakenAs    *as;
	int			n;
	int			size;
} Taken;

extern void booking_look(const Resource *resource, Period window, const Seat *seat, Taken *taken);
extern void booking_taken_add(Taken *taken, Period during, int64 quantity, TakenAs as);
extern int64 booking_units(const Resource *resource);
extern int64 booking_room_left(const Taken *taken, Period occupies);
extern bool *booking_seats_taken(const Taken *taken, Period occupies, int *ntaken);
extern int64 booking_look_at_places(const Slot *slot, TimestampTz now);

#endif							/* BOOKING_LOOK_H */
