# booking_cluster, one race after the other, each arranged: which session waits for which, which dies in which
# step, and what an update of the extension, a standby and a collation make of it.  The databases
# have a collation that puts "grand" and "Grand" side by side.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use CitusNodes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

CitusNodes::skip_all_tests() unless CitusNodes::pg_config();
my @nodes = CitusNodes::start(3, "restart_after_crash = on\ncitus.defer_shard_delete_interval = -1", '--locale-provider=icu', '--icu-locale=en');
my ($c, @workers) = @nodes;
my @ports = map { $_->port } @workers;
my %node_of = map { $_->port => $_ } @nodes;
my $late = $workers[2];

sub sql { my ($node, $sql, $role) = @_; return $node->safe_psql('postgres', $sql, $role ? (extra_params => [ '-U', $role ]) : ()) }
sub lives_on { return sql($c, "SELECT port FROM booking.cluster_shard('$_[0]')") }
sub other { return $_[0] == $ports[0] ? $ports[1] : $ports[0] }
sub move_sql { my ($place, $port, $more) = @_; return "CALL booking.cluster_move_place('$place', '127.0.0.1', $port" . ($more // '') . ')' }
sub clean { return is(sql($c, 'SELECT string_agg(v::text, $$; $$) FROM booking.cluster_verify() v'), '', "$_[0]: cluster_verify() finds nothing") }

# What psql says in the end, errors with their SQLSTATE; begin() returns at once.
sub begin
{
	my ($node, $sql, $role) = @_;
	my $out = '';
	return { out => \$out, handle => IPC::Run::start([ $node->installed_command('psql'), '-XAtq', '-h', $node->host, '-p', $node->port, '-d', 'postgres',
		$role ? ('-U', $role) : (), '-v', 'VERBOSITY=verbose', '-c', $sql ], '<', \undef, '>&', \$out) };
}
sub end { IPC::Run::finish($_[0]->{handle}); return ${ $_[0]->{out} } }
sub say_as { my ($role, $node, $sql) = @_; return end(begin($node, $sql, $role)) }
sub refused { my ($node, $sql, $message, $name) = @_; return like(say_as(undef, $node, $sql), $message, $name) }

# A statement that looks so waits for a lock on the node.
sub wait_until_waits
{
	my ($node, $like) = @_;
	return ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%$like%' AND pid <> pg_backend_pid()"), "somebody waits: $like");
}

# What a place has, by its node.
sub bookings
{
	my ($place) = @_;
	return sql($c, qq{SELECT string_agg(a.item::text, E'\\n' ORDER BY a.item::text) FROM booking.cluster_ask(
		\$q\$SELECT r.name, r.id AS room, b.* FROM booking.resource r LEFT JOIN booking.booking b ON r.id = b.resource_id WHERE split_part(r.name, '/', 1) = '$place'\$q\$) a});
}
# Shards that moves have left lying about.
sub tidy { return $c->poll_query_until('postgres', 'CALL citus_cleanup_orphaned_resources(); SELECT count(*) = 0 FROM pg_dist_cleanup', "CALL\nt") }
sub nodes_with_rows { return sql($c, qq{SELECT string_agg(DISTINCT d.nodeport::text, ',') FROM booking.cluster_ask(\$q\$SELECT b.id FROM booking.booking b WHERE b.holder = '$_[0]'\$q\$) a JOIN pg_dist_node d ON d.groupid = a.node_group}) }

sql($c, "SELECT citus_remove_node('127.0.0.1', $ports[2])");
sql($c, 'CREATE EXTENSION booking_cluster CASCADE');

# 1. Ids, of a node that is set up twice at once.
{
	sql($c, 'SELECT booking.cluster_set_up(8)');
	# As if it had not been: the sequence of before.
	sql($workers[0], 'SET citus.enable_ddl_propagation = off; ALTER SEQUENCE booking.resource_id_seq MINVALUE 1 MAXVALUE 9223372036854775807 START 1 RESTART 1');
	# Both have seen that the sequence is to begin anew before either of them alters it, unless they exclude each other.
	sql($workers[0], q{SET citus.enable_ddl_propagation = off;
		CREATE FUNCTION public.pause() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); END $$;
		CREATE EVENT TRIGGER pause ON ddl_command_start WHEN TAG IN ('ALTER SEQUENCE') EXECUTE FUNCTION public.pause()});
	my $pause = $workers[0]->background_psql('postgres');
	$pause->query_safe(q{SELECT pg_advisory_lock(77)});
	my @both = map { begin($workers[0], "SELECT booking.cluster_take_ids(); INSERT INTO booking.resource (name) VALUES ('$_')") } 'first', 'second';
	$workers[0]->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%cluster_take_ids%' AND pid <> pg_backend_pid()});
	$pause->query_safe('SELECT pg_advisory_unlock(77)');
	$pause->quit;
	unlike(join('', map { end($_) } @both), qr/ERROR/, 'a node that is set up twice at once gives no id twice');
	is(sql($workers[0], 'SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM booking.resource'), '1000000000000,1000000000001', '... and begins with its first');
	sql($workers[0], 'SET citus.enable_ddl_propagation = off; DROP EVENT TRIGGER pause; DROP FUNCTION public.pause(); DELETE FROM booking.resource');
	refused($workers[0], 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT booking.cluster_take_ids()', qr/55000: places cannot be moved or set up at isolation level repeatable read/, 'not by an old snapshot');
}
sql($c, $_) for ('CREATE ROLE clerk LOGIN', 'CREATE ROLE boss LOGIN', 'CREATE ROLE stranger LOGIN', q{SELECT booking.cluster_grant_access('clerk', 'book')}, q{SELECT booking.cluster_grant_access('boss', 'manage')},
	map { qq{SELECT booking.cluster_create_resource('$_', 'room')} } 'grand', 'Grand', map { "p$_" } 1 .. 12);
my %on;
push @{ $on{ lives_on($_) } }, $_ for map { "p$_" } 1 .. 12;
my ($one, $beside) = @{ $on{ $ports[0] } };
my ($two) = @{ $on{ $ports[1] } };
my ($w1, $w2) = @workers;

# 2. The lock of a place is in a key space of ours.
{
	my $application = $w1->background_psql('postgres');
	$application->query_safe("BEGIN; SELECT pg_advisory_xact_lock(1651469164, hashtext(p)), pg_advisory_xact_lock(hashtextextended(p, 0)) FROM unnest('{$one,$beside}'::text[]) p");
	is(sql($c, qq{SET statement_timeout = '60s'; SELECT count(*) FROM booking.cluster_try_book_slot('$one', 'room', '[2030-01-01, 2030-01-02)', 'ann')}, 'clerk'), 1, 'an advisory lock of the application keeps no session from booking');
	unlike(say_as(undef, $c, move_sql($beside, $ports[0])), qr/ERROR/, '... nor a place from moving');
	$application->query_safe('ROLLBACK');
	like(say_as('clerk', $w1, qq{SELECT booking.cluster_lock_alone('$one')}), qr/42501/, 'level book does not lock others out');
	like(say_as('boss', $w1, qq{SELECT booking.cluster_lock_alone('$one')}), qr/42501/, 'nor does level manage');
	like(say_as('stranger', $w1, qq{SELECT booking.cluster_lock('$one')}), qr/42501/, 'a stranger locks nothing');

	# Very many places in one transaction.
	$application->query_safe(q{BEGIN; SELECT count(booking.cluster_lock('x' || n)) FROM generate_series(1, 20000) n});
	cmp_ok(sql($w1, q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 110}), '<', 1000, '20,000 places take fewer locks');
	refused($w1, "SET lock_timeout = '100ms'; SELECT booking.cluster_lock_alone('$_')", qr/55P03/, "... and are locked: $_") for 'x1', 'x20000';
	is(sql($w1, q{SET lock_timeout = '5s'; SELECT booking.cluster_lock('x1'), booking.cluster_lock('x20000')}), '|', '... others may be in them as well');
	$application->query_safe('COMMIT');
	is(sql($w1, q{SET lock_timeout = '5s'; SELECT booking.cluster_lock_alone('x1'), booking.cluster_lock_alone('x20000')}), '|', '... until it ends');
	$application->quit;
}

# 3. A collation does not say what belongs to a place.
sql($c, move_sql($_, $ports[0])) for 'grand', 'Grand';
sql($c, qq{SELECT booking.cluster_book_slot('$_', 'room', '[2030-01-01, 2030-01-02)', 'at $_')}) for 'grand', 'Grand';
sql($c, move_sql('grand', $ports[1]));
is(nodes_with_rows('at Grand'), $ports[0], 'a place whose name sorts inside another stays when that moves');
is(nodes_with_rows('at grand'), $ports[1], '... which has moved');
is(sql($c, q{SELECT string_agg(resource, ',') FROM booking.cluster_find_slots('Grand', '[2031-01-01, 2031-01-02)', '1 day')}), 'Grand/room', '... and is all that is found in it');
clean('collation');

# 4. A session writes with plain SQL on the node while a place is packed: waited for, and taken along.
{
	my $writer = $w1->background_psql('postgres');
	$writer->query_safe("BEGIN; INSERT INTO booking.booking (resource_id, period, holder) SELECT r.id, '[2032-01-01, 2032-01-02)', 'plain' FROM booking.resource r WHERE r.name = '$one/room'");
	my $mover = begin($c, move_sql($one, $ports[1]));
	wait_until_waits($w1, 'cluster_pack');
	$writer->query_safe('COMMIT');
	$writer->quit;
	unlike(end($mover), qr/ERROR/, 'a move waits for a session that has booked with plain SQL');
	is(nodes_with_rows('plain'), $ports[1], '... and takes the booking along');
	clean('plain SQL');
	sql($c, move_sql($one, $ports[0]));
}

# 5. A place ends.
{
	my $waits = sub {
		my ($begun, $then) = @_;
		my $session = $w1->background_psql('postgres');
		$session->query_safe('BEGIN');
		$session->query_safe($begun);
		my $other = begin(@$then);
		return ($session, $other);
	};
	refused($c, q{SELECT booking.cluster_drop_place('nowhere')}, qr/42704: place "nowhere" does not exist/, 'no such place');
	refused($c, qq{SELECT booking.cluster_drop_place('$one')}, qr/55006: place "$one" has rows in booking\.booking/, 'a place with bookings does not end');
	refused($c, qq{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT booking.cluster_drop_place('$one')}, qr/55000/, 'nor by an old snapshot');
	sql($c, $_) for ("SELECT booking.cluster_create_resource('gone', 'room')", move_sql('gone', $ports[0]));
	refused($c, q{SELECT booking.cluster_drop_place('gone')}, qr/55006: place "gone" has rows in booking\.resource/, 'nor one with resources');
	my $empty = q{SELECT booking.cluster_run('gone', 'DELETE FROM booking.resource WHERE name = $$gone/room$$')};

	# Another session creates a resource in it meanwhile: one after the other.
	sql($c, $empty);
	my ($session, $other) = $waits->(q{SELECT booking.cluster_create_resource('gone', 'room')}, [ $c, q{SELECT booking.cluster_drop_place('gone')} ]);
	wait_until_waits($w1, 'cluster_drop_place');
	$session->query_safe('COMMIT');
	$session->quit;
	like(end($other), qr/55006: place "gone" has rows/, 'a session that creates a resource is waited for');
	sql($c, $empty);
	($session, $other) = $waits->(q{SELECT booking.cluster_drop_place('gone')}, [ $c, q{SELECT count(*) FROM booking.cluster_create_resource('gone', 'room')}, 'boss' ]);
	wait_until_waits($w1, 'cluster_create_resource');
	$session->query_safe('COMMIT');
	$session->quit;
	is(end($other), "1\n", 'a session that comes after it creates the place anew');
	clean('created anew');

	# A move of it.
	sql($c, $empty);
	($session, $other) = $waits->(q{SELECT booking.cluster_drop_place('gone')}, [ $c, move_sql('gone', $ports[1]) ]);
	wait_until_waits($w1, 'cluster_pack');
	$session->query_safe('COMMIT');
	$session->quit;
	like(end($other), qr/42704: place "gone" does not exist/, 'a place that ends while it is to be moved');
	is(sql($c, q{SELECT count(*) FROM booking.cluster_home WHERE place = 'gone'}), 0, '... has ended');
	clean('ended');
	is(sql($c, q{SELECT count(*) FROM booking.cluster_create_resource('gone', 'room')}, 'boss'), 1, '... and may begin again');
	sql($c, "CALL booking.cluster_move_place('gone', '127.0.0.1', $_)") for @ports[ 0, 1 ];
	clean('begun again');
}

# 6. A server with bookings is adopted, and each step of that interrupted.
for my $step ('has a home', 'packed', 'moved by another')
{
	my $node = $w2;
	my $name = { 'has a home' => 'Inn', packed => 'Ship', 'moved by another' => 'Swan' }->{$step};
	sql($node, qq{INSERT INTO booking.resource (name) VALUES ('$name/room'); SELECT booking.book_slot('$name/room', '[2034-01-01, 2034-01-02)', 'guest of $name')});
	my $group = sql($node, 'SELECT booking.cluster_group()');
	if ($step eq 'moved by another')
	{
		# Another session has adopted it, and moved it away, since the places without a home were listed.
		sql($c, 'CALL booking.cluster_adopt()');
		sql($c, move_sql($name, $ports[0]));
		is(sql($node, "SELECT booking.cluster_pack('$name', '10 s', true)"), 'f', "$step: nothing is packed where nothing is");
	}
	else
	{
		sql($c, "INSERT INTO booking.cluster_home (place, node_group, moving) VALUES ('$name', $group, true)");
		sql($node, "SELECT booking.cluster_pack('$name', '10 s', true)") if $step eq 'packed';
	}
	sql($c, 'CALL booking.cluster_adopt()');
	is(sql($c, "SELECT count(*) FROM booking.cluster_try_book_slot('$name', 'room', '[2034-01-01, 2034-01-02)', 'other')"), 0, "$step: adopted, with what is taken");
	is(sql($c, "SELECT count(*) FROM booking.cluster_try_book_slot('$name', 'room', '[2034-02-01, 2034-02-02)', 'other')"), 1, "$step: and open");
	is(bookings($name) =~ tr/\n//, 1, "$step: once");
	clean("adopted, $step");
}
# With an id of another node's range, as from a dump of a node that had its number before.
{
	my $taken = sql($w1, 'SELECT booking.cluster_group() * 1000000000000 + 500');
	sql($w2, "INSERT INTO booking.resource (id, name) VALUES ($taken, 'Old/room')");
	sql($c, 'CALL booking.cluster_adopt()');
	is(sql($w1, q{SELECT nextval('booking.resource_id_seq')}), $taken + 1, 'an id that came with a dump is not given again');
	clean('adopted with an id of another node');
}
# Two at once, and a session that books with plain SQL at that moment.
{
	sql($w2, q{INSERT INTO booking.resource (name) SELECT 'late' || n FROM generate_series(1, 6) n});
	my $writer = $w2->background_psql('postgres');
	$writer->query_safe(q{BEGIN; SELECT booking.book_slot('late1', '[2034-01-01, 2034-01-02)', 'late')});
	my @both = map { begin($c, 'CALL booking.cluster_adopt()') } 1 .. 2;
	wait_until_waits($w2, 'cluster_pack');
	$writer->query_safe('COMMIT');
	$writer->quit;
	end($_) for @both;
	sql($c, 'CALL booking.cluster_adopt()');
	is(sql($c, q{SELECT count(*) FROM booking.cluster_try_book_slot('late1', 'late1', '[2034-01-01, 2034-01-02)', 'other')}), 0, 'a session that books while a place is adopted is waited for');
	is(sql($c, q{SELECT count(*) FROM booking.cluster_ask('SELECT name FROM booking.resource WHERE name ~ $$^late$$')}), 6, 'two at once adopt each place once');
	clean('adopted by two');
}

# 7. Two sessions add a node at the same time, and one joins while places are booked and moved.
{
	my @both = map { begin($c, "CALL booking.cluster_add_node('127.0.0.1', $ports[2])") } 1 .. 2;
	my @said = map { end($_) } @both;
	ok((grep { !/ERROR/ } @said), 'two add a node at once: it is added') or diag(@said);
	sql($c, "CALL booking.cluster_add_node('127.0.0.1', $ports[2])");
	is(sql($c, "SELECT count(*) FROM pg_dist_node WHERE nodeport = $ports[2]"), 1, '... once');
	is(sql($late, 'SELECT min_value FROM pg_sequences WHERE sequencename = $$resource_id_seq$$'), sql($late, 'SELECT booking.cluster_group() * 1000000000000'), '... with ids of its own');
	sql($c, move_sql($beside, $ports[2]));
	is(sql($late, "SELECT count(*) FROM booking.cluster_try_book_slot('$beside', 'room', '[2035-01-01, 2035-01-02)', 'ann')", 'clerk'), 1, '... and roles that book in it');
	clean('a node has joined');
}

# 8. Taken down while a place is packed: never with the rows of that place.
sql($c, qq{SELECT booking.cluster_book_slot('$one', 'room', '[2033-01-01, 2033-01-02)', 'moved')});
my $before = bookings($one);
{
	tidy();
	my $packs = $w1->background_psql('postgres');
	$packs->query_safe("BEGIN; SELECT booking.cluster_pack('$one', '10 s')");
	my $down = begin($c, 'SELECT booking.cluster_take_down()');
	$c->poll_query_until('postgres', q{SELECT count(*) > 0 FROM booking.cluster_ask('SELECT pid FROM pg_locks WHERE NOT granted') a});
	$packs->query_safe('COMMIT');
	$packs->quit;
	like(end($down), qr/55000: a place is packed/, 'nothing is taken down while a place is packed');
	sql($c, move_sql($one, $ports[0]));
	is(bookings($one), $before, '... whose rows are there');
	# It has been unpacked where it was, and that may have left nothing.
	sql($c, move_sql($one, $ports[1]));
	refused($c, 'SELECT booking.cluster_take_down()', qr/55006: old shards of homes have not been dropped yet/, 'nor while a move has left its old shards');
	tidy();
	sql($c, 'SELECT booking.cluster_take_down()');
	sql($c, 'SELECT booking.cluster_take_down()');
	refused($c, 'SELECT booking.cluster_set_up(8)', qr/55000: booking_cluster has been taken down/, 'taken down: set up only after DROP EXTENSION');
	refused($c, "SELECT * FROM booking.cluster_remaining('$one', 'room', '[2036-01-01, 2036-01-02)'::tstzrange)", qr/ERROR/, 'taken down: a call fails');
	sql($c, 'DROP EXTENSION booking_cluster; CREATE EXTENSION booking_cluster; SELECT booking.cluster_set_up(8)');
	sql($c, 'CALL booking.cluster_adopt()');
	is(bookings($one), $before, 'up again: all is there');
	clean('up again');
}

# 9. A standby of a worker: looks are answered there, and nothing is written.
{
	my $home = $node_of{ lives_on($two) };
	$home->append_conf('pg_hba.conf', 'local replication all trust');
	$home->reload;
	$home->backup('standby');
	my $standby = PostgreSQL::Test::Cluster->new('standby', install_path => $home->{_install_path}, own_host => 0);
	$standby->init_from_backup($home, 'standby', has_streaming => 1);
	$standby->append_conf('postgresql.conf', 'port = ' . $standby->port);
	$standby->start;
	sql($c, "SELECT booking.cluster_book_slot('$two', 'room', '[2036-01-01, 2036-01-02)', 'ann')");
	$home->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', "SELECT booking.cluster_remaining('$two', 'room', '[2036-01-01, 2036-01-02)'::tstzrange)"), 0, 'a standby of the node answers');
	is($standby->safe_psql('postgres', "SELECT count(*) FROM booking.cluster_find_slots('$two', '[2036-01-01, 2036-01-03)', '1 day')"), 1, '... searches');
	refused($standby, "SELECT booking.cluster_book_slot('$two', 'room', '[2037-01-01, 2037-01-02)', 'ann')", qr/25006|0A000|read.only|writing to worker nodes|recovery/, '... and books nothing');
	sql($c, move_sql($two, other($home->port)));
	$home->wait_for_catchup($standby);
	refused($standby, "SELECT booking.cluster_remaining('$two', 'room', '[2036-01-01, 2036-01-02)'::tstzrange)", qr/is taken|does not live|has just moved|does not exist|\A0\n\z/, '... nor answers for a place that has left from what it remembers');
	$standby->stop('immediate');
	sql($c, move_sql($two, $home->port));
}

# 10. Versions: an update that brings nothing, and one of booking that brings a function.
{
	chomp(my $share = `'@{[CitusNodes::pg_config()]}' --sharedir`);
	my %script = (
		'booking_cluster--1.0--1.1' => '/* nothing */',
		'booking--1.0--1.1' => q{CREATE FUNCTION booking.newest(resource text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS 'SELECT $1'; COMMENT ON FUNCTION booking.newest(text) IS 'newest';},
		'booking_cluster--1.1--1.2' => 'SELECT booking.cluster_make_functions();');
	my @files = map { "$share/extension/$_.sql" } keys %script;
	append_to_file("$share/extension/$_.sql", $script{$_}) for keys %script;
	sql($c, q{ALTER EXTENSION booking_cluster UPDATE TO '1.1'});
	is($_->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'booking_cluster'}), '1.1', 'updated: ' . $_->name) for @nodes;
	clean('an update that brings nothing');
	sql($c, q{ALTER EXTENSION booking UPDATE TO '1.1'});
	sql($c, q{ALTER EXTENSION booking_cluster UPDATE TO '1.2'});
	sql($c, 'SELECT booking.cluster_set_up(8)');
	is(sql($_, "SELECT * FROM booking.cluster_newest('$two', 'room')"), "$two/room", 'what an update brings is there for places: ' . $_->name) for @nodes;
	is(sql($c, q{SELECT count(*) FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid WHERE x.extname = 'booking_cluster' AND d.objid = 'booking.cluster_newest(text, text)'::regprocedure AND d.deptype = 'e'}), 1, '... and belongs to the extension');
	like(say_as('stranger', $c, "SELECT * FROM booking.cluster_newest('$two', 'room')"), qr/42501/, '... and is not open to PUBLIC');
	unlink(@files);
	clean('an update');
}

# 11. Killed in each step of a move: the worker's backend that is at it, the coordinator's, and the
# node that the place goes to.
for my $step ('pack', 'shard', 'unpack')
{
	for my $victim ('backend', 'coordinator', 'target')
	{
		my ($from, $to) = ($node_of{ lives_on($one) }, $node_of{ other(lives_on($one)) });
		my ($shard) = split /\|/, sql($c, "SELECT shardid FROM booking.cluster_shard('$one')");
		my ($where, $blocks, $stops) = $step eq 'pack' ? ($from, "SELECT booking.cluster_lock('$one')", 'cluster_pack')
		  : $step eq 'shard' ? ($to, "SET citus.enable_ddl_propagation = off; CREATE TABLE booking.cluster_home_$shard ()", 'worker_apply_shard_ddl_command')
		  : ($to, 'LOCK TABLE booking.resource IN ACCESS EXCLUSIVE MODE', 'cluster_unpack');
		# What an earlier move has left lying about at the target.
		tidy() if $step eq 'shard';
		my $blocker = $where->background_psql('postgres', on_error_stop => 0);
		$blocker->query_safe("BEGIN; $blocks");
		my $moving = begin($c, move_sql($one, $to->port, q{, '1 minute'}));
		wait_until_waits($where, $stops);
		if ($victim eq 'target')
		{
			$to->stop('immediate');
		}
		else
		{
			my $node = $victim eq 'coordinator' ? $c : $where;
			my ($pid) = split /\n/, sql($node, $victim eq 'coordinator'
				? q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL booking.cluster_move_place%' AND pid <> pg_backend_pid()}
				: "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid() AND query LIKE '%$stops%'");
			kill 'KILL', $pid if $pid;
		}
		eval { $blocker->query('ROLLBACK'); };
		eval { $blocker->quit; };
		end($moving);
		$to->start if $victim eq 'target';
		$_->poll_query_until('postgres', 'SELECT true') for ($c, @workers[ 0, 1 ]);
		my ($done, $said) = (0, '');
		for (1 .. 60)
		{
			$said = say_as(undef, $c, move_sql($one, $to->port));
			last if $done = $said !~ /ERROR|FATAL|connection/;
			sleep 1;
		}
		ok($done, "$step, $victim: called again, it goes on") or diag($said);
		is(lives_on($one), $to->port, "$step, $victim: the place has moved");
		is(bookings($one), $before, "$step, $victim: with what it has, once");
		$c->poll_query_until('postgres', 'SELECT count(*) = 0 FROM booking.cluster_ask($$SELECT gid FROM pg_prepared_xacts$$)');
		clean("$step, $victim");
	}
}
sql($c, move_sql($one, $ports[0]));
done_testing();
