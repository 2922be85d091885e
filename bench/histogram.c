/*
 * histogram.c: how are the latencies distributed?
 *
 * Buckets are linear within a power of two, so that each is as wide as 1/64 of what it holds.
 */
#include "histogram.h"

static int	bucket_of(uint64_t value);
static double upper_bound(int bucket);

void
histogram_add(Histogram *histogram, int64_t nanoseconds)
{
	/* in 64ths of a microsecond: the first power of two is then linear from 0 */
	histogram->buckets[bucket_of((uint64_t) nanoseconds * 64 / 1000)]++;
	histogram->count++;
	if (nanoseconds > histogram->max)
		histogram->max = nanoseconds;
}

double
histogram_percentile(const Histogram *histogram, double percent)
{
	double		wanted = histogram->count * percent / 100.0;
	double		max = histogram->max / 1e6;
	int64_t		seen = 0;

	for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
	{
		seen += histogram->buckets[bucket];
		if (seen > 0 && seen >= wanted)
			return upper_bound(bucket) < max ? upper_bound(bucket) : max;
	}
	return max;
}

static int
bucket_of(uint64_t value)
{
	int			power = 0;
	int			bucket;

	while (value >> power >= 2 * HISTOGRAM_STEPS)
		power++;
	if (value < HISTOGRAM_STEPS)
		return (int) value;
	bucket = (power + 1) * HISTOGRAM_STEPS + (int) (value >> power) - HISTOGRAM_STEPS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static double
upper_bound(int bucket)
{
	int			power = bucket / HISTOGRAM_STEPS - 1;
	double		value = bucket + 1;

	if (power >= 0)
		value = (double) ((uint64_t) (bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << power);
	return value / 64 / 1000;
}
