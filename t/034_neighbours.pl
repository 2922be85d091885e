# An extension that needs as many of a backend's callbacks as Citus does can be loaded before and
# after this one: relations are listened to by one callback of ours, whatever is used.
#
# A backend has ten, of which PostgreSQL takes some; the other extension takes five here.  It is a
# library of a few lines that is compiled for the test.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/neighbour.c", q{
#include "postgres.h"
#include "fmgr.h"
#include "utils/inval.h"

PG_MODULE_MAGIC;
void _PG_init(void);

static void
listen(Datum arg, Oid relid)
{
}

void
_PG_init(void)
{
	for (int i = 0; i < 5; i++)
		CacheRegisterRelcacheCallback(listen, (Datum) 0);
}
});
append_to_file("$dir/Makefile", q{
MODULES = neighbour
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
override CFLAGS += -Wno-unused-parameter
});
# Not with the variables of the make that runs the tests.
delete local @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES)};
run_log([ 'make', '-s', '-C', $dir, 'with_llvm=no', 'PG_CONFIG=' . ($ENV{PG_CONFIG} // 'pg_config') ]);
ok(-e "$dir/neighbour.so", 'the neighbour is compiled');

my $node = PostgreSQL::Test::Cluster->new('neighbours');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('room');
SELECT FROM booking.create_resource('class', 'pooled', 20);
SELECT FROM booking.create_resource('bus', 'seated', seats => '{1,2}');
CREATE TABLE stay (room int, during tstzrange) PARTITION BY LIST (room);
CREATE TABLE stay_1 PARTITION OF stay FOR VALUES IN (1);
SELECT booking.guard_table('stay', '{room}', '{during}', 2);
});

# Everything of ours that remembers something, in one backend.
my $use = q{
INSERT INTO stay VALUES (1, '[2040-01-01,2040-01-02)');
INSERT INTO booking.closure (resource_id, period) VALUES (1, '[2040-06-01,2040-06-02)');
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT 1, d, '00:00', '24:00' FROM generate_series(1, 7) AS d;
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (1, 'active', 100);
SELECT holder FROM booking.book_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann');
SELECT holder FROM booking.book_slot('bus', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', seat => '2');
SELECT holder FROM booking.book_place((booking.publish_slot('class', '[2040-01-02 10:00, 2040-01-02 11:00)', 5)).id, 'ann');
SELECT count(*) FROM booking.find_slots('[2040-01-01,2040-01-02)', '1 hour', resources => '{room}', max_results => 1);
SELECT count(*) FROM booking.verify();
ROLLBACK;
};
for my $order ('before', 'after')
{
	my $load = "LOAD '$dir/neighbour.so';\n";
	my ($code, $out, $err) = $node->psql('postgres', $order eq 'before' ? "${load}BEGIN;\n$use" : "BEGIN;\n" . ($use =~ s/(?=SELECT count\(\*\) FROM booking.verify)/$load/r));
	is("$code\n$out\n$err", "0\nann\nann\nann\n1\n0\n", "loaded $order");
}

$node->stop;
done_testing();
