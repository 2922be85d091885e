/*-------------------------------------------------------------------------
 *
 * archive.h
 *		moving what is over out of the way
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ARCHIVE_H
#define BOOKING_ARCHIVE_H

extern void booking_archive_init(void);
extern bool booking_archive_step(int64 run);

#endif							/* BOOKING_ARCHIVE_H */
