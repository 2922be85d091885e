# booking_cluster used with bad intent, or without knowing it: roles without rights,
# NULLs and names with quotes, settings of a session, nodes that are down, moves that cannot be,
# snapshots from before a move, a node that joins, dumps, and taking it down.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use CitusNodes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

CitusNodes::skip_all_tests() unless CitusNodes::pg_config();
my @nodes = CitusNodes::start(3, 'restart_after_crash = on');
my ($c, @workers) = @nodes;
my $late = $workers[2];
my @ports = map { $_->port } @workers;

# psql's output: errors with their SQLSTATE.
sub say_as
{
	my ($role, $node, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0, extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);
	return $err;
}
my $me = (getpwuid($<))[0];
sub refused { my ($node, $sql, $message, $name) = @_; return like(say_as($me, $node, $sql), $message, $name) }
sub clean { return is($c->safe_psql('postgres', 'SELECT string_agg(v::text, $$; $$) FROM booking.cluster_verify() v'), '', "$_[0]: cluster_verify() finds nothing") }
sub lives_on { return $c->safe_psql('postgres', "SELECT port FROM booking.cluster_shard(\$q\$$_[0]\$q\$)") }
sub other { return $_[0] == $ports[0] ? $ports[1] : $ports[0] }
sub move_sql { my ($place, $port, $more) = @_; return "CALL booking.cluster_move_place(\$q\$$place\$q\$, '127.0.0.1', $port" . ($more // '') . ')' }

# As docs/scaling.md has it.  The last worker joins later.
$c->safe_psql('postgres', "SELECT citus_remove_node('127.0.0.1', $_)") for @ports;
$c->safe_psql('postgres', 'CREATE EXTENSION booking_cluster CASCADE');
$c->safe_psql('postgres', "CALL booking.cluster_add_node('127.0.0.1', $_)") for @ports[ 0, 1 ];
$c->safe_psql('postgres', 'SELECT booking.cluster_set_up(8)');
$c->safe_psql('postgres', $_) for ('CREATE ROLE clerk LOGIN', 'CREATE ROLE boss LOGIN', 'CREATE ROLE looker LOGIN', 'CREATE ROLE stranger LOGIN',
	q{SELECT booking.cluster_grant_access('clerk', 'book')}, q{SELECT booking.cluster_grant_access('boss', 'manage')}, q{SELECT booking.cluster_grant_access('looker', 'read')},
	(map { qq{SELECT booking.cluster_create_resource('p$_', 'room')} } 1 .. 12));
my %on;
push @{ $on{ lives_on($_) } }, $_ for map { "p$_" } 1 .. 12;
my ($one, $beside) = @{ $on{ $ports[0] } };
my ($two) = @{ $on{ $ports[1] } };
my %node_of = map { $_->port => $_ } @nodes;

# 1. Ids that have been given are not given again.
$c->safe_psql('postgres', 'SELECT booking.cluster_set_up(8)') for 1 .. 2;
is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_create_resource('$one', 'room 2')}), 1, 'set up twice: ids go on');

# 2. Roles.
like(say_as('stranger', $_, q{SELECT booking.cluster_ask('SELECT 1')}), qr/42501/, 'a stranger asks nothing: ' . $_->name) for @nodes[0, 1];
for my $sql (q{SELECT booking.cluster_pack('p1', '1 s')}, q{SELECT booking.cluster_lock_alone('p1')}, qq{SELECT booking.cluster_drop_place('$two')}, 'SELECT booking.cluster_make_functions()', q{SELECT booking.cluster_unpack('p1')}, 'SELECT booking.cluster_take_ids()', 'SELECT booking.cluster_set_up()', 'SELECT booking.cluster_take_down()',
	q{SELECT booking.cluster_on_all('SELECT 1')}, q{SELECT booking.cluster_on('127.0.0.1', 1, 'SELECT 1')}, q{CALL booking.cluster_add_node('127.0.0.1', 1)}, q{CALL booking.cluster_move_place('p1', '127.0.0.1', 1)},
	'CALL booking.cluster_adopt()', q{SELECT booking.cluster_grant_access('clerk', 'manage')}, q{SELECT booking.cluster_grant_here('clerk', 'manage')}, q{SELECT booking.cluster_revoke_access('boss')},
	q{SELECT booking.cluster_create_resource('p98', 'room')}, q{INSERT INTO booking.cluster_home (place, node_group) VALUES ('x', 1)}, q{INSERT INTO booking.cluster_resident VALUES ('x')},
	q{SELECT * FROM booking.cluster_luggage}, qq{SELECT booking.cluster_run('$two', 'UPDATE booking.resource SET name = name')}, q{SELECT booking.cluster_run('p1', 'CREATE TABLE public.evil ()')},
	q{SELECT booking.cluster_ask('SELECT rolpassword FROM pg_authid')})
{
	like(say_as('clerk', $c, $sql), qr/42501|permission denied/, "level book does not: $sql");
}
like(say_as('looker', $c, qq{SELECT booking.cluster_book_slot('$one', 'room', '[2030-01-01, 2030-01-02)', 'x')}), qr/42501/, 'level read does not book');
is($c->safe_psql('postgres', q{SELECT count(*) FROM booking.cluster_verify()}, extra_params => [ '-U', 'boss' ]), 0, 'level manage verifies');
like(say_as('boss', $c, qq{INSERT INTO booking.cluster_home (place, node_group) VALUES ('p0', 77)}), qr/cluster_home_is_here/, 'no home where the place is not');
# Objects that a user has put on a search_path before ours are not used.
$c->safe_psql('postgres', q{CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
	CREATE FUNCTION evil.boom(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
	CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.boom); CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.boom);
	CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;});
refused($c, 'SET search_path = evil, pg_catalog; ' . move_sql($one, $ports[0]), qr/^(?!.*evil)/s, 'a search_path in the way of a move');

# 3. NULL for each argument but the place (a constant NULL as that crashes Citus).
my @calls = split /\n/, $c->safe_psql('postgres', qq{
	SELECT format('SELECT * FROM booking.%I(%s)', p.proname, (SELECT string_agg(CASE WHEN t.n = 1 AND p.proargnames[1] = 'place' THEN '''$one''' ELSE 'NULL::' || format_type(t.type, NULL) END, ', ' ORDER BY t.n)
		FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, n)))
	FROM pg_proc p WHERE p.pronamespace = 'booking'::regnamespace AND p.proname ~ '^cluster_' AND p.prokind = 'f' AND p.pronargs > 0 AND p.proname <> 'cluster_set_up' ORDER BY 1});
cmp_ok(scalar @calls, '>', 90, 'many functions');
my $said = say_as($me, $c, join(";\n", @calls) . ';');
my @odd = grep { /(ERROR|FATAL|PANIC):/ && !/ (22004|22023|42704|55000|55006|38000): / && !/^DETAIL/ } split /\n/, $said;
is(join("\n", @odd), '', 'NULLs: refused for what they are');
is($c->safe_psql('postgres', 'SELECT 1'), 1, '... and the server is there');
refused($c, $_->[0], $_->[1], "absurd: $_->[0]") for (
	[ qq{SELECT booking.cluster_book_all('$one', '[{"slot_id": "abc"}]', 'ann')}, qr/22023: request 1, "slot_id": must be a number/ ],
	[ qq{SELECT booking.cluster_book_all('$one', '[{"slot_id": null}]', 'ann')}, qr/22023: request 1: "resource" or "slot_id" is missing/ ],
	[ qq{SELECT booking.cluster_book_all('$one', '[{"resource": 1e400}]', 'ann')}, qr/22023: request 1, "resource": is out of range/ ],
	[ qq{SELECT booking.cluster_book_all('$one', '[1]', 'ann')}, qr/22023: request 1: must be a JSON object/ ],
	[ qq{SELECT booking.cluster_move_all('$one', '[{"id": "zzz"}]')}, qr/22P02: move 1, "id"/ ],
	[ q{SELECT booking.cluster_find_slots_everywhere('[2030-01-01, 2030-01-02)', '-1 day')}, qr/38000: node \d has refused/ ],
	[ q{SELECT booking.cluster_ask('SELECT 1; SELECT 2')}, qr/38000: node 0 has refused/ ],
	[ q{SELECT booking.cluster_grant_access('clerk', 'guard')}, qr/22023: "guard" is not a level of access to places/ ],
	[ q{CALL booking.cluster_add_node(NULL, 5432)}, qr/22004: host and port must not be null/ ],
	[ q{SELECT booking.cluster_pack('nowhere', '1000 years')}, qr/^(?!.*ERROR)/s ],
	[ q{CALL booking.cluster_move_place(NULL, NULL, NULL)}, qr/22004: place, host, port and wait must not be null/ ]);

# 4. An id is as good as the place that is named with it, in lists as well.
my $booked = $c->safe_psql('postgres', qq{SELECT id FROM booking.cluster_book_slot('$beside', 'room', '[2031-01-01, 2031-01-02)', 'ann')});
my $room = $c->safe_psql('postgres', qq{SELECT resource_id FROM booking.cluster_confirm('$beside', '$booked')});
refused($c, qq{SELECT booking.cluster_move_all('$one', '[{"id": "$_", "period": "[2031-02-01, 2031-02-02)"}]')}, qr/42704: booking \S+ does not exist in place "$one"/, "the booking of a neighbour: $_") for ($booked, '{' . uc($booked) . '}');
refused($c, qq{SELECT booking.cluster_book_all('$one', '[{"resource": $_, "period": "[2031-02-01, 2031-02-02)"}]', 'ann')}, qr/42704: resource $room does not exist in place "$one"/, "the resource of a neighbour: $_") for ($room, "$room.0");
is($c->safe_psql('postgres', qq{SELECT period FROM booking.cluster_move_all('$beside', '[{"id": "$booked", "period": "[2031-02-01, 2031-02-02)"}]')}), '["2031-02-01 00:00:00+00","2031-02-02 00:00:00+00")', 'one of its own moves');

# 5. Names.
my @names = (q{O'Brien "x" \\ %s}, q{$1 %I}, "\xc3\xbc.\xe2\x82\xac", ' ', q{''}, 'NULL', '%');
for my $name (@names)
{
	$c->safe_psql('postgres', "SELECT booking.cluster_create_resource(\$q\$$name\$q\$, \$q\$$name room\$q\$, category => \$q\$$name\$q\$)");
	my $to = other(lives_on($name));
	$c->safe_psql('postgres', move_sql($name, $to));
	is($c->safe_psql('postgres', "SELECT resource FROM booking.cluster_find_slots(\$q\$$name\$q\$, '[2030-01-01, 2030-01-02)', '1 day', category => \$q\$$name\$q\$)"), "$name/$name room", "place $name, moved");
	is($c->safe_psql('postgres', "SELECT count(*) FROM booking.cluster_find_slots_everywhere('[2030-01-01, 2030-01-02)', '1 day', category => \$q\$$name\$q\$)"), 1, 'and found everywhere');
}
# A category that has the name of its place is the place's, and moves with it.
$c->safe_psql('postgres', $_) for (qq{SELECT booking.cluster_create_resource('$one', 'own', category => '$one')}, qq{SELECT booking.cluster_run('$one', \$\$INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('$one', 'active', 1)\$\$)},
	move_sql($one, $ports[1]), qq{SELECT booking.cluster_book_slot('$one', 'own', '[2031-01-01, 2031-01-02)', 'ann')});
refused($c, qq{SELECT booking.cluster_book_slot('$one', 'own', '[2031-01-03, 2031-01-04)', 'ann')}, qr/23514/, 'a limit on a category that is called as its place moves with it');
$c->safe_psql('postgres', move_sql($one, $ports[0]));
clean('names');

# 6. Settings of a session mean nothing on the node, or the same.
is($c->safe_psql('postgres', qq{SET timezone = 'Asia/Tokyo'; SELECT period FROM booking.cluster_book_all('$_', '[{"resource": "room", "period": "[2032-01-01 10:00, 2032-01-01 11:00)"}]', 'ann')}), '["2032-01-01 19:00:00+09","2032-01-01 20:00:00+09")', "times in JSON are UTC: $_") for ($one, $two);
is($node_of{ $ports[0] }->safe_psql('postgres', qq{SET timezone = 'Asia/Tokyo'; SELECT period FROM booking.cluster_book_all('$one', '[{"resource": "room", "period": "[2032-01-02 10:00, 2032-01-02 11:00)"}]', 'ann')}), '["2032-01-02 19:00:00+09","2032-01-02 20:00:00+09")', 'on the owning node as well');
is($c->safe_psql('postgres', q{SET datestyle = 'SQL, DMY'; SELECT DISTINCT lower(period) FROM booking.cluster_find_slots_everywhere('[02/01/2034, 03/01/2034)', '1 day')}), '02/01/2034 00:00:00 UTC', 'a search everywhere by another DateStyle');

# 7. Moves that cannot be leave the place where it is.
my $from = lives_on($one);
my $to = other($from);
refused($c, 'BEGIN; ' . move_sql($one, $to), qr/2D000: invalid transaction termination/, 'inside a transaction');
is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$one', 'room', '[2035-03-01, 2035-03-02)', 'ann')}), 1, '... and the place is open');
refused($c, move_sql($one, 1), qr/42704: 127\.0\.0\.1:1 is no node for places/, 'to no node');
refused($c, move_sql($one, $c->port), qr/42704: .* is no node for places/, 'to a node without shards');
refused($c, move_sql('nowhere', $to), qr/42704: place "nowhere" does not exist/, 'no such place');
$node_of{$to}->stop('immediate');
refused($c, move_sql($one, $to), qr/ERROR/, 'to a node that is down');
is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$one', 'room', '[2035-01-01, 2035-01-02)', 'ann')}), 1, '... it is open where it was');
refused($c, qq{SELECT booking.cluster_book_slot('$two', 'room', '[2035-01-01, 2035-01-02)', 'ann')}, qr/refused|failed|closed/, 'a place on a node that is down');
refused($c, qq{BEGIN; SELECT booking.cluster_book_slot('$one', 'room', '[2035-02-01, 2035-02-02)', 'ann'); SELECT booking.cluster_book_slot('$two', 'room', '[2035-02-01, 2035-02-02)', 'ann'); COMMIT}, qr/refused|failed|closed|aborted/, 'both or neither');
refused($c, q{SELECT booking.cluster_find_slots_everywhere('[2030-01-01, 2030-01-02)', '1 day')}, qr/08006: node \d has not answered/, 'a search everywhere says that a node is missing');
$node_of{$to}->start;
is($c->safe_psql('postgres', qq{SELECT booking.cluster_remaining('$one', 'room', '[2035-02-01, 2035-02-02)'::tstzrange)}), 1, '... neither');
$node_of{$from}->safe_psql('postgres', 'SET citus.enable_ddl_propagation = off; CREATE TABLE public.payment (booking_id uuid REFERENCES booking.booking)');
refused($c, move_sql($one, $to), qr/table (public\.)?payment refers to booking\.booking/, 'a foreign key from outside');
$node_of{$from}->safe_psql('postgres', 'SET citus.enable_ddl_propagation = off; DROP TABLE public.payment; ALTER TABLE booking.booking ADD COLUMN note text');
refused($c, move_sql($one, $to), qr/table booking\.booking has no column "note" on this node/, 'a column that the other node does not have');
$c->safe_psql('postgres', move_sql($one, $from));
$node_of{$from}->safe_psql('postgres', 'SET citus.enable_ddl_propagation = off; ALTER TABLE booking.booking DROP COLUMN note');
clean('moves that cannot be');
$_->safe_psql('postgres', q{ALTER SYSTEM SET default_transaction_isolation = 'repeatable read'}), $_->reload for @workers;
refused($c, move_sql($one, $to), qr/places cannot be moved or set up at isolation level repeatable read/, 'with one snapshot for all');
$_->safe_psql('postgres', 'ALTER SYSTEM RESET default_transaction_isolation'), $_->reload for @workers;
# An id that is on the other node already.
my $id = '11111111-1111-4111-8111-111111111111';
$c->safe_psql('postgres', qq{SELECT booking.cluster_book_slot('$_', 'room', '[2036-01-01, 2036-01-02)', 'ann', id => '$id')}) for ($one, $two);
refused($c, move_sql($one, $to), qr/duplicate key.*booking_pkey/, 'an id that is there already');
$c->safe_psql('postgres', move_sql($one, $from));
is($c->safe_psql('postgres', qq{SELECT status FROM booking.cluster_cancel('$one', '$id')}), 'cancelled', '... it is back');
$c->safe_psql('postgres', qq{SELECT booking.cluster_run('$two', \$\$DELETE FROM booking.booking WHERE id = '$id'\$\$)});
# Another session has it open.
my $open = $c->background_psql('postgres');
$open->query_safe("BEGIN; SELECT booking.cluster_book_slot('$one', 'room', '[2037-01-01, 2037-01-02)', 'ann')");
refused($c, move_sql($one, $to, q{, '100 ms'}), qr/lock timeout/, 'another session books: waited long enough');
refused($c, move_sql($one, $to, q{, '0'}), qr/lock timeout/, 'not waited at all');
$open->query_safe('COMMIT');
$open->query_safe("BEGIN; SELECT booking.cluster_run('$one', 'SELECT 1')");
refused($c, move_sql($one, $to, q{, '100 ms'}), qr/lock timeout/, 'another session is in it, and has booked nothing yet');
$open->query_safe('COMMIT');
$open->quit;
$open = $node_of{$from}->background_psql('postgres');
$open->query_safe("BEGIN; INSERT INTO booking.booking (resource_id, period, holder) SELECT r.id, '[2037-02-01, 2037-02-02)', 'plain' FROM booking.resource r WHERE r.name = '$one/room'");
refused($c, move_sql($one, $to, q{, '100 ms'}), qr/lock timeout/, 'another session has booked with plain SQL on the node');
$open->query_safe('COMMIT');
$open->quit;
is(lives_on($one), $from, 'it has not moved');
clean('after all that');

# 8. Movers at once, to both nodes; whatever they tell each other, nothing is lost, and it ends.
my @movers = map {
	my $port = $_;
	IPC::Run::start([ $c->installed_command('psql'), '-X', '-h', $c->host, '-p', $c->port, '-d', 'postgres', map { ('-c', move_sql($one, $port)) } 1 .. 4 ], '<', \undef, '>', \my $out, '2>', \my $err)
} @ports[ 0, 1, 0, 1 ];
IPC::Run::finish($_) for @movers;
my ($ends, $err) = (0, '');
for (1 .. 10)
{
	last if $ends = ($err = say_as($me, $c, move_sql($one, lives_on($one)))) !~ /ERROR/;
}
is($ends, 1, 'four movers of one place') or diag($err);
clean('four movers');

# 9. A snapshot from before the move.
$from = lives_on($one);
for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
	my $old = $node_of{$from}->background_psql('postgres', on_error_stop => 0);
	$old->query_safe("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM booking.cluster_resident");
	$c->safe_psql('postgres', qq{SELECT booking.cluster_on('127.0.0.1', $from, \$\$SELECT booking.cluster_pack('$one', '10 s')\$\$)});
	$old->query("SELECT booking.cluster_create_resource('$one', 'late')");
	like($old->{stderr}, qr/place "$one" has just moved/, "$level: nothing is created where a place was");
	$old->{stderr} = '';
	$old->query('ROLLBACK');
	$old->quit;
	$c->safe_psql('postgres', move_sql($one, $from));
	$old = $node_of{$from}->background_psql('postgres', on_error_stop => 0);
	$old->query_safe("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM booking.cluster_resident");
	$c->safe_psql('postgres', qq{SELECT booking.cluster_on('127.0.0.1', $from, \$\$SELECT booking.cluster_pack('$one', '10 s')\$\$)});
	$old->query("SELECT booking.cluster_book_slot('$one', 'room', '[2038-01-01, 2038-01-02)', 'ann')");
	like($old->{stderr}, qr/has just moved|is moving|does not exist/, "$level: nor booked");
	$old->{stderr} = '';
	$old->query('ROLLBACK');
	$old->quit;
	$c->safe_psql('postgres', move_sql($one, $from));
}
clean('old snapshots');

# 10. Prepared statements outlive a move, unless Citus is kept from planning them anew.
for my $mode ('force_custom_plan', 'auto')
{
	my $session = $c->background_psql('postgres');
	$session->query_safe("SET plan_cache_mode = $mode; PREPARE book (text, tstzrange) AS SELECT count(*) FROM booking.cluster_try_book_slot(\$1, 'room', \$2, 'prepared')");
	my @got;
	for my $day (1 .. 8)
	{
		push @got, $session->query_safe("EXECUTE book ('$one', '[2039-01-0$day, 2039-01-0$day 12:00)')");
		$c->safe_psql('postgres', move_sql($one, other(lives_on($one)))) if $day == 4 || $day == 7;
	}
	is(join('', @got), '11111111', "$mode: prepared, and moved in between");
	$session->query_safe("EXECUTE book ('$_', '[2039-02-01, 2039-02-02)')") for ($two, $beside);
	$session->quit;
	$c->safe_psql('postgres', qq{SELECT booking.cluster_run('$one', \$\$DELETE FROM booking.booking WHERE holder = 'prepared'\$\$)});
}

refused($c, qq{SET plan_cache_mode = force_generic_plan; PREPARE book (text) AS SELECT count(*) FROM booking.cluster_try_book_slot(\$1, 'room', '[2039-01-01, 2039-01-02)', 'prepared'); EXECUTE book ('$one')},
	qr/55000: place "$one" does not live on this node/, 'a generic plan is not sent anywhere');

# 11. A worker dies between PREPARE TRANSACTION and COMMIT PREPARED.  The coordinator's record decides.
for my $fate ('commit', 'abort')
{
	my $worker = $node_of{ lives_on($two) };
	my $group = $c->safe_psql('postgres', 'SELECT groupid FROM pg_dist_node WHERE nodeport = ' . $worker->port);
	my $day = $fate eq 'commit' ? '[2040-01-01, 2040-01-02)' : '[2040-01-03, 2040-01-04)';
	my $gid = "citus_0_999999_$fate" . '_0';
	$gid = $fate eq 'commit' ? 'citus_0_999999_1_0' : 'citus_0_999999_2_0';
	$c->safe_psql('postgres', q{ALTER SYSTEM SET citus.recover_2pc_interval = -1; SELECT pg_reload_conf()});
	$worker->safe_psql('postgres', qq{BEGIN; SELECT booking.cluster_book_slot('$two', 'room', '$day', 'prepared'); PREPARE TRANSACTION '$gid'});
	$c->safe_psql('postgres', qq{INSERT INTO pg_dist_transaction (groupid, gid) VALUES ($group, '$gid')}) if $fate eq 'commit';
	$worker->stop('immediate');
	$worker->start;
	refused($c, qq{SET statement_timeout = '2s'; SELECT booking.cluster_book_slot('$two', 'room', '$day', 'other')}, qr/statement timeout/, "$fate: a call for the same waits");
	is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$two', 'room', '[2040-02-01, 2040-02-02)', '$fate')}), $fate eq 'commit' ? 1 : 0, "$fate: a call for something else does not");
	refused($c, move_sql($two, other($worker->port), q{, '200 ms'}), qr/lock timeout/, "$fate: a move waits for it");
	$c->safe_psql('postgres', q{ALTER SYSTEM RESET citus.recover_2pc_interval; SELECT pg_reload_conf()});
	$c->poll_query_until('postgres', 'SELECT count(*) = 0 FROM booking.cluster_ask($$SELECT gid FROM pg_prepared_xacts$$)');
	is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$two', 'room', '$day', 'other')}), $fate eq 'commit' ? 0 : 1, "$fate: and is answered by what has become of it");
}
clean('in doubt');

# 12. A node joins.
$c->safe_psql('postgres', "CALL booking.cluster_add_node('127.0.0.1', $ports[2])") for 1 .. 2;
clean('a node has joined');
my ($empty, $at) = split /\|/, $c->safe_psql('postgres', q{
	SELECT 'e' || n, (SELECT d.nodeport FROM pg_dist_placement p JOIN pg_dist_node d ON d.groupid = p.groupid WHERE p.shardid = get_shard_id_for_distribution_column('booking.cluster_home', 'e' || n))
	FROM generate_series(1, 100) n
	WHERE get_shard_id_for_distribution_column('booking.cluster_home', 'e' || n) NOT IN (SELECT get_shard_id_for_distribution_column('booking.cluster_home', h.item ->> 'place') FROM booking.cluster_ask('SELECT place FROM booking.cluster_resident') h) LIMIT 1});
SKIP:
{
	skip('no shard is empty', 3) unless $empty;
	$c->safe_psql('postgres', qq{SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('booking.cluster_home', '$empty'), '127.0.0.1', $at, '127.0.0.1', $ports[2], 'block_writes')});
	cmp_ok($c->safe_psql('postgres', qq{SELECT id FROM booking.cluster_create_resource('$empty', 'room')}, extra_params => [ '-U', 'boss' ]), '>=', 3e12, 'an empty shard is moved, and a place created there');
	is(lives_on($empty), $ports[2], '... on the node that has joined');
	is($c->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$empty', 'room', '[2041-01-01, 2041-01-02)', 'ann')}, extra_params => [ '-U', 'clerk' ]), 1, '... by roles that had their rights before');
}
$c->safe_psql('postgres', move_sql($beside, $ports[2]));
is($late->safe_psql('postgres', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$beside', 'room', '[2041-01-01, 2041-01-02)', 'ann')}, extra_params => [ '-U', 'clerk' ]), 1, 'a place is moved to it');
like(say_as('looker', $late, qq{SELECT booking.cluster_book_slot('$beside', 'room', '[2042-01-01, 2042-01-02)', 'ann')}), qr/42501/, 'and no one may more');
clean('places on it');
$c->safe_psql('postgres', q{SELECT booking.cluster_revoke_access('clerk')});
like(say_as('clerk', $_, qq{SELECT booking.cluster_try_book_slot('$beside', 'room', '[2042-01-01, 2042-01-02)', 'ann')}), qr/42501/, 'rights are taken back: ' . $_->name) for @nodes;

# 13. Dumped, restored, and taken down: a dump has no homes, and cluster_adopt() makes them again.
my $all = q{SELECT string_agg(a.item::text, E'\n' ORDER BY a.item::text) FROM booking.cluster_ask('SELECT r.name, b.* FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id') a};
my $before = $c->safe_psql('postgres', $all);
for my $node (@nodes)
{
	my $file = $node->basedir . '/node.dump';
	$node->command_ok([ 'pg_dump', '-Fc', '-p', $node->port, '-h', $node->host, '-f', $file, 'postgres' ], 'dumped: ' . $node->name);
	$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
	my ($out, $err) = run_command([ $node->installed_command('pg_restore'), '-p', $node->port, '-h', $node->host, '-d', 'again', $file ]);
	is($err, '', 'restored: ' . $node->name);
}
$c->safe_psql('again', qq{SELECT citus_set_coordinator_host('127.0.0.1', } . $c->port . ')');
$c->safe_psql('again', qq{CALL booking.cluster_add_node('127.0.0.1', $_)}) for @ports;
$c->safe_psql('again', 'SELECT booking.cluster_set_up(8)');
$c->safe_psql('again', 'CALL booking.cluster_adopt()');
is($c->safe_psql('again', $all), $before, 'all is there');
is($c->safe_psql('again', 'SELECT string_agg(v::text, $$; $$) FROM booking.cluster_verify() v'), '', 'cluster_verify() finds nothing');
is($c->safe_psql('again', qq{SELECT count(*) FROM booking.cluster_try_book_slot('$two', 'room', '[2040-01-01, 2040-01-02)', 'ann')}), 0, 'what was taken is taken');
is($c->safe_psql('again', qq{SELECT count(*) FROM booking.cluster_create_resource('$_', 'new')}), 1, "ids go on: $_") for map { "p$_" } 1 .. 12;
like(say_as('boss', $c, 'SELECT booking.cluster_take_down()'), qr/42501/, 'only the owner takes it down');

(my $status, my $out, $err) = $c->psql('postgres', 'DROP EXTENSION booking; DROP EXTENSION citus', on_error_stop => 0);
like($err, qr/cannot drop extension booking.*cannot drop extension citus/s, 'what is needed stays');
$c->poll_query_until('postgres', 'CALL citus_cleanup_orphaned_resources(); SELECT count(*) = 0 FROM pg_dist_cleanup', "CALL\nt");
$c->safe_psql('postgres', 'SELECT booking.cluster_take_down()');
$c->safe_psql('postgres', 'DROP EXTENSION booking_cluster');
is($_->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname ~ '^cluster_'}), 0, 'taken down: ' . $_->name) for @nodes;
$c->safe_psql('postgres', 'CREATE EXTENSION booking_cluster; SELECT booking.cluster_set_up(8)');
$c->safe_psql('postgres', 'CALL booking.cluster_adopt()');
is($c->safe_psql('postgres', $all), $before, '... and up again: all is there');
clean('up again');
done_testing();
