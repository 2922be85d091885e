/*-------------------------------------------------------------------------
 *
 * test_point.h
 *		points of the code at which a test can halt a session
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_TEST_POINT_H
#define BOOKING_TEST_POINT_H

#ifdef BOOKING_TEST
extern void booking_test_point(const char *name);
#define BOOKING_TEST_POINT(name) booking_test_point(name)
#else
#define BOOKING_TEST_POINT(name) ((void) 0)
#endif

#endif							/* BOOKING_TEST_POINT_H */
