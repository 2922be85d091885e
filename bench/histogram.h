/*
 * histogram.h: latencies from 1 microsecond to hours, within 1.6 percent, in a fixed amount of memory
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS		64	/* per power of two */
#define HISTOGRAM_BUCKETS	(36 * HISTOGRAM_STEPS)

typedef struct Histogram
{
	int64_t		count;
	int64_t		max;			/* nanoseconds */
	uint32_t	buckets[HISTOGRAM_BUCKETS];
} Histogram;

extern void histogram_add(Histogram *histogram, int64_t nanoseconds);

/* The latency, in milliseconds, that `percent` of the answers did not exceed. */
extern double histogram_percentile(const Histogram *histogram, double percent);

#endif
