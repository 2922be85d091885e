# booking_cluster on a coordinator and two workers: every function of booking has its like, and
# a call by any node, single or in a transaction, gets the answer that one server would
# give; also when backends, workers and the coordinator are killed.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use CitusNodes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

CitusNodes::skip_all_tests() unless CitusNodes::pg_config();
my @nodes = CitusNodes::start(2, 'restart_after_crash = on');
my ($c, @workers) = @nodes;

$c->safe_psql('postgres', 'CREATE EXTENSION booking_cluster CASCADE');
$c->safe_psql('postgres', 'SELECT booking.cluster_set_up(8)');
$c->safe_psql('postgres', 'SELECT booking.cluster_set_up(8)');

sub refused
{
	my ($node, $sql, $message, $name) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return like($err, $message, $name);
}

# 1. Nothing of booking is missing.  What acts on no place has one of these reasons.
my %elsewhere = (
	'over all nodes: cluster_read_events(), cluster_verify(), cluster_expire_holds()' => [qw(read_events current_cursor verify expire_holds)],
	"readers of one node's journal" => [qw(subscribe unsubscribe no_such_subscriber next_events done lane_of check_event_reader readable_position journal_base next_xid is_read)],
	'your own tables' => [qw(guard_table guard_against unguard_table validate_guard guard_free guard_breaches guard_breaches_query guard_definition verify_guards before_name check_again)],
	'parts of others' => [qw(uuid_v7 is_sound must_write resource_id check_resource slot_periods pools_miscounted local_instant ended_at leave_gates parts additions access_levels
		triggers_gone_astray identities_behind forget_everything keep_positions)]);
my $known = join(',', map { @$_ } values %elsewhere);
is($c->safe_psql('postgres', qq{
	SELECT DISTINCT l.object FROM booking.access_levels() l
	JOIN pg_proc p ON l.kind = 'FUNCTION' AND p.oid = l.object::regprocedure
	WHERE l.levels && '{read,book,manage}' AND 'internal'::regtype <> ALL (p.proargtypes) AND p.proname <> ALL (string_to_array('$known', ','))
		AND NOT EXISTS (SELECT FROM booking.cluster_functions() c WHERE c.function = p.oid) ORDER BY 1}), '', 'each function that acts in a place is here, too');
is($c->safe_psql('postgres', q{
	SELECT c.name || '(' || c.types || ')' FROM booking.cluster_functions() c
	WHERE NOT EXISTS (SELECT FROM pg_dist_object o JOIN pg_proc p ON p.oid = o.objid WHERE o.classid = 'pg_proc'::regclass AND p.proname = c.name
		AND o.distribution_argument_index = 0 AND o.force_delegation)}), '', 'and is sent to the node');
my $mine = q{pg_depend d JOIN pg_extension x ON x.extname = 'booking_cluster' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e'};
is($c->safe_psql('postgres', qq{SELECT pg_describe_object(d.classid, d.objid, 0) FROM $mine WHERE d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass) AND obj_description(d.objid, d.classid::regclass::name) IS NULL}), '', 'each object has a comment');
is($c->safe_psql('postgres', qq{SELECT p.oid::regprocedure FROM $mine JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	WHERE (p.prokind = 'f' AND p.probin IS NULL AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp'] OR p.prosecdef
		OR has_function_privilege('public', p.oid, 'EXECUTE'))}), '', 'each function has a search_path and is not open to PUBLIC');
is($c->safe_psql('postgres', qq{SELECT c.oid::regclass FROM $mine JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind = 'r' WHERE has_table_privilege('public', c.oid, 'SELECT')}), '', 'nor is a table');

# 2. Places, names and ids.
my %node_of;
for my $place (map { "p$_" } 1 .. 12)
{
	my $through = $nodes[ rand @nodes ];
	my ($id) = $through->safe_psql('postgres', qq{SELECT id FROM booking.cluster_create_resource('$place', 'room')});
	$node_of{$place} = int($id / 1e12);
}
is(join(',', sort { $a <=> $b } keys %{ { reverse %node_of } }), '1,2', 'places live on both workers, and ids say where they were made');
my ($one) = grep { $node_of{$_} == 1 } sort keys %node_of;
my ($two) = grep { $node_of{$_} == 2 } sort keys %node_of;
is($c->safe_psql('postgres', q{SELECT name || ' ' || kind FROM booking.cluster_create_resource('hall')}), 'hall exclusive', 'a place that is one resource');
refused($c, q{SELECT booking.cluster_create_resource('a/b', 'room')}, qr/22023: "a\/b" cannot be the name of a place/, 'no slash in a place');
# (A constant NULL as the place of a call crashes Citus 13.2 and 14.0: docs/scaling.md.)
refused($c, q{SELECT booking.cluster_enter(NULL)}, qr/22004: place must not be null/, 'no place');
refused($c, q{SELECT * FROM booking.cluster_book_slot('nowhere', 'room', '[2040-01-01, 2040-01-02)', 'ann')}, qr/42704: place "nowhere" does not exist/, 'no such place');
refused($c, qq{SELECT * FROM booking.cluster_book_slot('$one', 'cellar', '[2040-01-01, 2040-01-02)', 'ann')}, qr/42704: resource "$one\/cellar" does not exist/, 'no such resource');
refused($c, qq{DO \$\$ DECLARE p text := '$one'; BEGIN PERFORM * FROM (SELECT booking.cluster_book_slot(p, 'room', '[2040-01-01, 2040-01-02)', 'ann')) x; END \$\$}, qr/55000: place "$one" does not live on this node|42704/, 'a call that Citus does not send fails');
my $booked = $c->safe_psql('postgres', qq{SELECT id FROM booking.cluster_book_slot('$one', 'room', '[2040-01-01, 2040-01-02)', 'ann')});
is($_->safe_psql('postgres', qq{SELECT status FROM booking.cluster_check_in('$one', '$booked')}), 'confirmed', 'by its id, by ' . $_->name) for @nodes;
refused($c, qq{SELECT * FROM booking.cluster_cancel('$two', '$booked')}, qr/42704: booking "?$booked"? does not exist/, 'an id in another place, on another node');
my ($beside) = grep { $_ ne $one && $node_of{$_} == 1 } sort keys %node_of;
refused($c, qq{SELECT * FROM booking.cluster_cancel('$beside', '$booked')}, qr/42704: booking $booked does not exist in place "$beside"/, 'an id in another place, on the same node');
my $resource = $c->safe_psql('postgres', qq{SELECT resource_id FROM booking.cluster_confirm('$one', '$booked')});
is($c->safe_psql('postgres', qq{SELECT booking.cluster_remaining('$one', $resource, '[2040-01-01, 2040-01-02)'::tstzrange)}), 0, 'by the id of the resource');
refused($c, qq{SELECT booking.cluster_close_period('$one', NULL::bigint, '[2041-01-01, 2041-01-02)')}, qr/22004/, 'not everything on the node at once');
$c->safe_psql('postgres', qq{SELECT booking.cluster_create_resource('$_', 'bed ' || n, category => 'bed') FROM generate_series(1, 1) n}) for ();
for my $place ($one, $beside)
{
	$c->safe_psql('postgres', qq{SELECT booking.cluster_create_resource('$place', 'bed $_', category => 'bed')}) for 1 .. 2;
}
my @found = split /\n/, $c->safe_psql('postgres', qq{SELECT resource FROM booking.cluster_find_slots('$one', '[2040-01-01, 2040-01-02)', '1 day', category => 'bed')});
is(join(',', @found), "$one/bed 1,$one/bed 2", 'a category of a place has nothing of its neighbour');
is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_find_slots_everywhere('[2040-01-01, 2040-01-02)', '1 day', category => 'bed')}), 4, 'and everywhere has both');
is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_find_slots('$one', '[2040-01-01, 2040-01-02)', '1 day')}), 2, 'all of a place');
$c->safe_psql('postgres', qq{SELECT booking.cluster_run('$one', \$\$INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('$one/bed', 'active', 1)\$\$)});
$c->safe_psql('postgres', qq{SELECT booking.cluster_book_any('$one', NULL, '[2040-01-01, 2040-01-02)', 'ann', category => 'bed')});
refused($c, qq{SELECT booking.cluster_book_slot('$one', 'bed 1', '[2040-01-03, 2040-01-04)', 'ann')}, qr/23514/, 'a limit in a place');
is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_book_any('$beside', NULL, '[2040-01-01, 2040-01-02)', 'ann', category => 'bed')}), 1, '... is none in another');
is($c->safe_psql('postgres', 'SELECT count(*) FROM booking.cluster_verify()'), 0, 'cluster_verify() finds nothing');

# 3. Rights.
$c->safe_psql('postgres', q{CREATE ROLE clerk LOGIN; CREATE ROLE stranger LOGIN});
$c->safe_psql('postgres', q{SELECT booking.cluster_grant_access('clerk', 'book')});
for my $node (@nodes)
{
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$two', 'room', '[2044-01-01, 2044-01-02)', 'ann')}, extra_params => [ '-U', 'clerk' ]),
		$node == $c ? 1 : 0, 'level book books by ' . $node->name);
	refused($node, qq{SET ROLE stranger; SELECT booking.cluster_try_book_slot('$two', 'room', '[2044-01-01, 2044-01-02)', 'ann')}, qr/42501/, 'a stranger does not: ' . $node->name);
}
refused($c, q{SET ROLE clerk; SELECT booking.cluster_create_resource('p99', 'room')}, qr/42501/, 'level book does not set up');

# 4. A transaction over two nodes is one.
refused($c, qq{BEGIN;
	SELECT booking.cluster_book_slot('$two', 'room', '[2045-01-01, 2045-01-02)', 'ann');
	SELECT booking.cluster_book_slot('$one', 'room', '[2040-01-01, 2040-01-02)', 'bob'); COMMIT}, qr/23P01/, 'the second is refused');
is($c->safe_psql('postgres', qq{SELECT booking.cluster_remaining('$two', 'room', '[2045-01-01, 2045-01-02)'::tstzrange)}), 1, 'and the first is not booked');
# ... also when it has begun on one of them, of whose writes Citus does not know.
my $april = 0;
for my $node (@nodes)
{
	for my $order ([ $one, $two ], [ $two, $one ], [ $one, $beside ], [ $one ])
	{
		my @calls = map { sprintf(q{SELECT booking.cluster_book_slot('%s', 'room', '[2045-04-%02d, 2045-04-%02d)', 'ann')}, $_, $april + 1, $april + 2) } @$order;
		my $both = grep({ $_ eq $two } @$order);
		my ($status, $out, $err) = $node->psql('postgres', join('; ', 'SET citus.log_remote_commands = on; SET client_min_messages = notice; BEGIN', @calls, 'COMMIT'));
		$april += 2;
		is($status, 0, join(' and ', @$order) . ' by ' . $node->name) or diag($err);
		unlike($err, qr/issuing COMMIT$/m, '... no node commits before all are prepared') if $both;
		like($err, qr/issuing PREPARE TRANSACTION/, '... which they are') if $both;
		unlike($err, qr/issuing PREPARE TRANSACTION/, '... one node needs no second phase') unless $both;
	}
}
for my $level ('repeatable read', 'serializable')
{
	my $day = $level =~ /read/ ? '01' : '02';
	my ($status, $out, $err) = $workers[0]->psql('postgres', join('; ', 'SET citus.log_remote_commands = on; SET client_min_messages = notice; SET ROLE clerk', "BEGIN ISOLATION LEVEL $level",
		(map { qq{SELECT booking.cluster_book_slot('$_', 'room', '[2045-05-$day, 2045-05-$day 12:00)', 'bob')} } $one, $two), 'COMMIT'));
	is($status, 0, "$level, by a role that may book") or diag($err);
	like($err, qr/issuing PREPARE TRANSACTION/, '... is prepared');
}

# 5. Races, by each node at once.
my @places = ($one, $two);
for my $place (@places)
{
	$c->safe_psql('postgres', $_) for (
		qq{SELECT booking.cluster_create_resource('$place', 'pool', kind => 'pooled', capacity => 3)},
		qq{SELECT booking.cluster_create_resource('$place', 'stage', kind => 'pooled', capacity => 1000)},
		qq{SELECT booking.cluster_create_resource('$place', 'line')},
		qq{SELECT booking.cluster_create_resource('$place', 'few', kind => 'pooled', capacity => 1000, category => 'few')},
		qq{SELECT booking.cluster_run('$place', \$\$INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('$place/few', 'active', 2)\$\$)});
}
my %slot = map { $_ => $c->safe_psql('postgres', qq{SELECT id FROM booking.cluster_publish_slot('$_', 'stage', '[2050-01-01 20:00, 2050-01-01 22:00)', 200)}) } @places;
my $hours = q{tstzrange(timestamptz '2050-03-01' + :h * interval '1 hour', timestamptz '2050-03-01' + (:h + 2) * interval '1 hour')};
my %script;
for my $place (@places)
{
	$script{"exclusive $place"} = qq{\\set h random(1, 60)\nSELECT count(*) FROM booking.cluster_try_book_slot('$place', 'room', $hours, 'ann');\n};
	$script{"pool $place"} = qq{\\set h random(1, 60)\n\\set q random(1, 2)\nBEGIN;\nSELECT count(*) FROM booking.cluster_try_book_slot('$place', 'pool', $hours, 'ann', :q);\nSELECT count(*) FROM booking.cluster_try_book_slot('$place', 'pool', $hours, 'bob', 1);\nEND;\n};
	$script{"slot $place"} = qq{SELECT count(*) FROM booking.cluster_try_book_place('$place', $slot{$place}, 'ann');\n};
	$script{"hold $place"} = qq{\\set h random(70, 90)\nSELECT id FROM booking.cluster_try_book_slot('$place', 'room', $hours, 'ann', hold_for => '300 ms') \\gset\nSELECT count(*) FROM booking.cluster_confirm('$place', ':id');\n};
	$script{"wait $place"} = qq{\\set h random(1, 20)\nSELECT id FROM booking.cluster_wait_for_slot('$place', 'line', $hours, 'ann') \\gset\n};
	$script{"limit $place"} = qq{\\set n random(1, 20)\n\\set h random(1, 2000)\nSELECT count(*) FROM booking.cluster_try_book_slot('$place', 'few', $hours, 'holder ' || :n);\n};
}
# The same hour in two places on two nodes: both, or neither.  Half of them the other way round.
my $both = qq{\\set h random(200, 2000)\nBEGIN;\nSELECT booking.cluster_book_slot('ONE', 'room', $hours, 'both');\nSELECT booking.cluster_book_slot('TWO', 'room', $hours, 'both');\nEND;\n};
for my $order ([ $one, $two ], [ $two, $one ])
{
	($script{"both $order->[0]"} = $both) =~ s/ONE/$order->[0]/;
	$script{"both $order->[0]"} =~ s/TWO/$order->[1]/;
}

sub check_all
{
	my ($when) = @_;
	$c->poll_query_until('postgres', 'SELECT count(*) = 0 FROM booking.cluster_ask($$SELECT gid FROM pg_prepared_xacts$$)');
	pass("$when: no transaction is left prepared");
	is($c->safe_psql('postgres', 'SELECT string_agg(v::text, $$; $$) FROM booking.cluster_verify() v'), '', "$when: cluster_verify() finds nothing");
	for my $i (0, 1)
	{
		is($workers[$i]->safe_psql('postgres', q{
			SELECT count(*) FROM booking.booking a JOIN booking.booking b ON a.resource_id = b.resource_id AND a.id < b.id AND a.occupies && b.occupies
			JOIN booking.resource r ON r.id = a.resource_id
			WHERE r.kind = 'exclusive' AND a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')}), 0, "$when: one at a time, worker " . ($i + 1));
		is($workers[$i]->safe_psql('postgres', q{
			SELECT count(*) FROM booking.resource r, generate_series(timestamptz '2050-03-01', timestamptz '2050-03-05', '1 hour') t
			WHERE r.name LIKE '%/pool' AND (SELECT sum(b.quantity) FROM booking.booking b WHERE b.resource_id = r.id AND b.status = 'confirmed' AND b.occupies @> t) > 3}), 0, "$when: three in a pool");
		is($workers[$i]->safe_psql('postgres', q{
			SELECT count(*) FROM booking.slot s WHERE (SELECT sum(b.quantity) FROM booking.booking b WHERE b.slot_id = s.id AND b.status = 'confirmed') > s.capacity}), 0, "$when: no slot has sold more than it has");
		is($workers[$i]->safe_psql('postgres', q{
			SELECT count(*) FROM (SELECT b.holder FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id
			WHERE r.name LIKE '%/few' AND b.status = 'confirmed' GROUP BY r.id, b.holder HAVING count(*) > 2) x}), 0, "$when: two for each holder");
	}
	is($c->safe_psql('postgres', q{
		SELECT count(*) FROM (
			SELECT a.item ->> 'period', count(*) FROM booking.cluster_ask($$SELECT period FROM booking.booking WHERE holder = 'both' AND status = 'confirmed'$$) a
			GROUP BY 1 HAVING count(*) <> 2) x}), 0, "$when: both or neither");
	return;
}

my $expected = qr/Run was aborted|expected one row|is taken in that period|has not enough|limit|no rows returned|gset|hold|status|lapsed|is already|is not taken|free|waitlist|wait|deadlock|distributed transaction|RWConflictPool/;
my @errors = CitusNodes::storm(\@nodes, 25, 1, \%script);
is(join("\n", grep { !/$expected/ } @errors), '', 'races: no error but refusals');
check_all('races');
is($workers[ $node_of{$_} - 1 ]->safe_psql('postgres', "SELECT sum(quantity) FROM booking.booking WHERE slot_id = $slot{$_}"), 200, "sold out: $_") for @places;

# The same above READ COMMITTED, on what is free again.
for my $level ('repeatable read', 'serializable')
{
	$c->safe_psql('postgres', qq{SELECT booking.cluster_run('$_', \$\$DELETE FROM booking.booking WHERE slot_id IS NOT NULL OR lower(period) >= '2050-03-01'\$\$)}) for @places;
	(my $option = $level) =~ s/ /\\ /;
	local $ENV{PGOPTIONS} = "-c default_transaction_isolation=$option";
	@errors = CitusNodes::storm(\@nodes, 10, 1, \%script);
	is(join("\n", grep { !/$expected/ } @errors), '', "$level: no error but refusals");
	check_all($level);
	cmp_ok($c->safe_psql('postgres', q{SELECT sum((a.item ->> 'n')::bigint) FROM booking.cluster_ask($$SELECT count(*) AS n FROM booking.booking WHERE lower(period) >= '2050-03-01'$$) a}), '>', 50, "$level: there were bookings");
}

# 6. Killed: a backend on a worker, a worker, the coordinator.
my $dies = qr/$expected|connection|terminat|closed|shutting down|starting up|recovery mode|crash|could not|unexpected|SSL|aborted|lost|failure|WAL|reset|PQcancel/;
my %less = map { $_ => $script{$_} } grep { /^(both|pool|slot|exclusive)/ } keys %script;
for my $case ('a backend of worker 1', 'worker 2', 'the coordinator')
{
	my $storm = CitusNodes::begin_storm(\@nodes, 14, 1, \%less);
	for my $turn (1 .. 2)
	{
		sleep 4;
		if ($case =~ /backend/)
		{
			my ($pid) = split /\n/, $workers[0]->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name LIKE 'citus_internal%' AND query LIKE '%cluster_%' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1});
			kill 'KILL', $pid if $pid;
			$workers[0]->poll_query_until('postgres', 'SELECT true');
		}
		else
		{
			my $node = $case =~ /worker/ ? $workers[1] : $c;
			$node->stop('immediate');
			$node->start;
		}
	}
	@errors = CitusNodes::end_storm($storm);
	is(join("\n", grep { !/$dies/ } @errors), '', "$case: no error but refusals and lost connections");
	check_all($case);
}
done_testing();
