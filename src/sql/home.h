/*-------------------------------------------------------------------------
 *
 * home.h
 *		what the end of a transaction has to know of the places it was in
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_HOME_H
#define BOOKING_HOME_H

#include "base/transaction.h"

extern const TransactionPart booking_home_part;

#endif							/* BOOKING_HOME_H */
