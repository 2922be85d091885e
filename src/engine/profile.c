/*-------------------------------------------------------------------------
 *
 * profile.c
 *		How many units are in use at the busiest instant of a window, where changes keep
 *		coming and each is followed by the question?
 *
 * Plain C over integers, as peak.c is, which sorts what it is given each time.  Here what is given
 * stays: a search tree over instants.  A period that takes some units is a change at the instant
 * where it begins and the opposite one where it ends (half-open: both at one instant cancel
 * out), and the use at an instant is the sum of the changes up to it.  Each node has the sum of
 * the changes below it, and the highest partial sum of them.  So a change and a question take
 * time that grows with the logarithm of the number of instants.
 *
 * The tree is a treap: in the order of instants from left to right, and of a hash of them
 * from top to bottom, which keeps it flat whatever order they come in.  The hash is seeded, so
 * that no client can choose instants that make it deep.
 *
 * Nothing is ever taken out: what is taken back is added with the opposite sign.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/compat.h"
#include "engine/profile.h"

/* So many nodes are allocated at once. */
#define NODES_A_BLOCK	64

typedef struct ProfileNode
{
	int64		at;
	int64		change;
	int64		sum;			/* of the changes here and below, */
	int64		most;			/* and the highest sum from the first of them up to one of them */
	struct ProfileNode *left;
	struct ProfileNode *right;
} ProfileNode;

struct Profile
{
	MemoryContext memory;
	uint64		seed;
	ProfileNode *root;
	ProfileNode *spare;
	int			nspare;
};

/* The sum on the way from left to right, and the highest within the window. */
typedef struct ProfileSweep
{
	Period		window;
	int64		sum;
	int64		most;
} ProfileSweep;

static uint64 node_priority(const Profile *profile, const ProfileNode *node);
static ProfileNode *put_change(Profile *profile, ProfileNode *node, int64 at, int64 change);
static void sum_up(ProfileNode *node);
static int64 use_at(const Profile *profile, int64 at);
static void sweep_within(const ProfileNode *node, bool after, bool before, ProfileSweep *sweep);

Profile *
booking_profile_create(MemoryContext memory, uint64 seed)
{
	Profile    *profile = MemoryContextAllocZero(memory, sizeof(Profile));

	profile->memory = memory;
	profile->seed = seed;
	return profile;
}

/* Reserve memory, so that adding the next period cannot fail halfway. */
void
booking_profile_reserve(Profile *profile)
{
	if (profile->nspare >= 2)
		return;
	/* One that is left over is forgotten. */
	profile->spare = MemoryContextAlloc(profile->memory, NODES_A_BLOCK * sizeof(ProfileNode));
	profile->nspare = NODES_A_BLOCK;
}

/* So many more for a period.  Room for it has been reserved, or it has been added before. */
void
booking_profile_add(Profile *profile, Period period, int64 quantity)
{
	profile->root = put_change(profile, profile->root, period.from, quantity);
	profile->root = put_change(profile, profile->root, period.to, -quantity);
}

static uint64
node_priority(const Profile *profile, const ProfileNode *node)
{
	uint64		hash = (uint64) node->at ^ profile->seed;

	hash = (hash ^ (hash >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return hash ^ (hash >> 31);
}

static ProfileNode *
put_change(Profile *profile, ProfileNode *node, int64 at, int64 change)
{
	ProfileNode *child;

	if (node == NULL)
	{
		Assert(profile->nspare > 0);
		node = &profile->spare[--profile->nspare];
		*node = (ProfileNode) {.at = at, .change = change, .sum = change, .most = change};
		return node;
	}
	if (at == node->at)
		node->change += change;
	else if (at < node->at)
	{
		child = node->left = put_change(profile, node->left, at, change);
		if (node_priority(profile, child) > node_priority(profile, node))
		{
			node->left = child->right;
			child->right = node;
			sum_up(node);
			node = child;
		}
	}
	else
	{
		child = node->right = put_change(profile, node->right, at, change);
		if (node_priority(profile, child) > node_priority(profile, node))
		{
			node->right = child->left;
			child->left = node;
			sum_up(node);
			node = child;
		}
	}
	sum_up(node);
	return node;
}

static void
sum_up(ProfileNode *node)
{
	int64		here = (node->left ? node->left->sum : 0) + node->change;

	node->sum = here;
	node->most = node->left ? Max(node->left->most, here) : here;
	if (node->right)
	{
		node->sum += node->right->sum;
		node->most = Max(node->most, here + node->right->most);
	}
}

static int64
use_at(const Profile *profile, int64 at)
{
	int64		sum = 0;

	for (const ProfileNode *node = profile->root; node;)
		if (node->at <= at)
		{
			sum += node->change + (node->left ? node->left->sum : 0);
			node = node->right;
		}
		else
			node = node->left;
	return sum;
}

/* The highest use at any instant of the window, which may be negative. */
int64
booking_profile_most(const Profile *profile, Period window)
{
	ProfileSweep sweep = {.window = window, .sum = use_at(profile, window.from)};

	sweep.most = sweep.sum;
	sweep_within(profile->root, false, false, &sweep);
	return sweep.most;
}

/* Below a node, of which all may be known to be after the window's beginning, or before its end. */
static void
sweep_within(const ProfileNode *node, bool after, bool before, ProfileSweep *sweep)
{
	if (node == NULL)
		return;
	if (after && before)
	{
		sweep->most = Max(sweep->most, sweep->sum + node->most);
		sweep->sum += node->sum;
		return;
	}
	if (node->at > sweep->window.from)
		sweep_within(node->left, after, before || node->at <= sweep->window.to, sweep);
	if (node->at > sweep->window.from && node->at < sweep->window.to)
	{
		sweep->sum += node->change;
		sweep->most = Max(sweep->most, sweep->sum);
	}
	if (node->at < sweep->window.to)
		sweep_within(node->right, after || node->at >= sweep->window.from, before, sweep);
}

/* Does anything begin or end within the window, or is in use when it begins? */
bool
booking_profile_any(const Profile *profile, Period window)
{
	for (const ProfileNode *node = profile->root; node;)
		if (node->at <= window.from)
			node = node->right;
		else if (node->at >= window.to)
			node = node->left;
		else
			return true;
	return use_at(profile, window.from) != 0;
}
