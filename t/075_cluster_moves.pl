# Places move between nodes while clients book: nothing is lost, nothing is there twice, and what
# is interrupted at whatever point goes on when it is called again.

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
my @ports = map { $_->port } @workers;

$c->safe_psql('postgres', 'CREATE EXTENSION booking_cluster CASCADE');
$c->safe_psql('postgres', 'SELECT booking.cluster_set_up(8)');

my @places = map { "m$_" } 1 .. 4;
my %slot;
for my $place (@places)
{
	$c->safe_psql('postgres', $_) for (
		qq{SELECT booking.cluster_create_resource('$place', 'room', category => 'kind', data => '{"a": [1, "ü"]}', buffer_after => '10 minutes')},
		qq{SELECT booking.cluster_create_resource('$place', 'pool', kind => 'pooled', capacity => 3, timezone => 'Europe/Vienna')},
		qq{SELECT booking.cluster_create_resource('$place', 'crowd', kind => 'pooled', capacity => 1000)},
		qq{SELECT booking.cluster_book_slot('$place', 'crowd', '[2032-01-01, 2032-01-02)', 'ann', quantity => 600)},
		qq{SELECT booking.cluster_create_resource('$place', 'bus', kind => 'seated', seats => '{1A,1B,1C}')},
		qq{SELECT booking.cluster_run('$place', \$\$INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('$place/kind', 'day', 1000)\$\$)},
		qq{SELECT booking.cluster_run('$place', \$\$INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT r.id, d, '00:00', '24:00' FROM booking.resource r, generate_series(1, 7) d WHERE r.name = '$place/bus'\$\$)},
		qq{SELECT booking.cluster_close_period('$place', 'room', '[2031-01-01, 2031-02-01)', 'works')},
		qq{SELECT booking.cluster_book_slot('$place', 'bus', '[2032-01-01, 2032-01-02)', 'ann', seat => '1A')},
		qq{SELECT booking.cluster_wait_for_slot('$place', 'bus', '[2032-01-01, 2032-01-02)', 'bob', quantity => 1)});
	$slot{$place} = $c->safe_psql('postgres', qq{SELECT id FROM booking.cluster_publish_slot('$place', 'pool', '[2033-01-01, 2033-01-02)', 500)});
}

# Whatever a place has, as one text: equal before and after.
sub contents
{
	my ($place) = @_;
	return $c->safe_psql('postgres', qq{
		SELECT string_agg(a.item::text, E'\\n' ORDER BY a.item::text) FROM booking.cluster_ask(\$q\$
			SELECT 'resource' AS what, to_jsonb(r) AS it FROM booking.resource r WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'booking', to_jsonb(b) FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'slot', to_jsonb(b) FROM booking.slot b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'seat', to_jsonb(b) FROM booking.seat b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'waitlist', to_jsonb(b) FROM booking.waitlist b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'closure', to_jsonb(b) FROM booking.closure b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'hours', to_jsonb(b) FROM booking.opening_hours b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = ANY (booking.cluster_names('$place'))
			UNION ALL SELECT 'places', jsonb_build_object('slot', s.id, 'free', sum(p.free)) FROM booking.slot_places p JOIN booking.slot s ON s.id = p.slot_id JOIN booking.resource r ON r.id = s.resource_id WHERE r.name = ANY (booking.cluster_names('$place')) GROUP BY s.id
			UNION ALL SELECT 'limit', to_jsonb(l) FROM booking.holder_limit l WHERE starts_with(l.category, '$place/')
		\$q\$) a});
}

sub lives_on { return $c->safe_psql('postgres', "SELECT port FROM booking.cluster_shard('$_[0]')") }
sub other { return $_[0] == $ports[0] ? $ports[1] : $ports[0] }

# Moves a place to the other node; how long it was nowhere, in ms.
sub move
{
	my ($place, $to) = @_;
	$to //= other(lives_on($place));
	my ($status, $out, $err) = $c->psql('postgres', "SET client_min_messages = notice; CALL booking.cluster_move_place('$place', '127.0.0.1', $to)");
	return $err =~ /nowhere for (\d+) ms/ ? $1 : (diag($err), undef)[1];
}

# 1. Nothing is lost when there is no booking; and back.
my $before = contents('m1');
my $home = lives_on('m1');
ok(defined move('m1'), 'moved');
is(lives_on('m1'), other($home), 'it lives on the other node');
is(contents('m1'), $before, 'and has what it had');
ok(defined move('m1'), 'moved back');
is(contents('m1'), $before, 'and has what it had');
is($c->safe_psql('postgres', 'SELECT count(*) FROM booking.cluster_verify()'), 0, 'cluster_verify() finds nothing');
is($c->safe_psql('postgres', q{SELECT count(*) FROM booking.cluster_try_book_slot('m1', 'crowd', '[2032-01-01, 2032-01-02)', 'bob', quantity => 401)}), 0, 'what is in use of a large pool has moved as well');
my $ann = $c->safe_psql('postgres', q{SELECT item ->> 'id' FROM booking.cluster_ask('SELECT b.id FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = $$m1/bus$$ ORDER BY b.id LIMIT 1')});
$c->safe_psql('postgres', qq{SELECT booking.cluster_cancel('m1', '$ann')});

# 2. Citus does not move a home without its place.
my ($shard, $port) = split /\|/, $c->safe_psql('postgres', q{SELECT shardid, port FROM booking.cluster_shard('m2')});
for my $mode ('auto', 'block_writes', 'force_logical')
{
	my ($status, $out, $err) = $c->psql('postgres', "SELECT citus_move_shard_placement($shard, '127.0.0.1', $port, '127.0.0.1', " . other($port) . ", '$mode')");
	like($err, qr/cluster_home_is_here|REPLICA IDENTITY/, "a shard of homes stays: $mode");
}
is(lives_on('m2'), $port, 'it is where it was');

# 3. 20 moves while clients book by every node, by our functions and by plain INSERT.
my $hours = q{tstzrange(timestamptz '2050-03-01' + :h * interval '1 hour', timestamptz '2050-03-01' + (:h + 2) * interval '1 hour')};
my %script;
for my $place (@places)
{
	$script{"room $place"} = qq{\\set h random(1, 20000)\nSELECT count(*) FROM booking.cluster_try_book_slot('$place', 'room', $hours, 'storm');\n};
	$script{"slot $place"} = qq{SELECT count(*) FROM booking.cluster_try_book_place('$place', $slot{$place}, 'storm');\n};
}
my $insert = qq{\\set p random(1, 4)\n\\set h random(1, 20000)\nINSERT INTO booking.booking (resource_id, period, holder, quantity) SELECT r.id, $hours, 'storm', 1 FROM booking.resource r WHERE r.name = 'm' || :p || '/pool';\n};
my $storm = CitusNodes::begin_storm(\@nodes, 75, 1, \%script);
my $inserts = CitusNodes::begin_storm(\@workers, 75, 2, { insert => $insert });
my @pauses;
for my $turn (1 .. 20)
{
	my $pause = move($places[ $turn % @places ]);
	push @pauses, $pause if defined $pause;
}
my @errors = (CitusNodes::end_storm($storm), CitusNodes::end_storm($inserts));
is(scalar @pauses, 20, '20 moves');
@pauses = sort { $a <=> $b } @pauses;
diag(sprintf('nowhere for: shortest %d ms, median %d ms, longest %d ms', @pauses[ 0, @pauses / 2, -1 ])) if @pauses;
my $moving = grep { /is moving to another node|has just moved|does not live on this node/ } @errors;
diag("$moving calls were told to repeat");
is(join("\n", grep { !/is moving to another node|has just moved|does not live on this node|is taken|is full|not enough|does not exist|could not find|Run was aborted|no active placements|deadlock/ } @errors), '', 'no other error');

sub check_all
{
	my ($when) = @_;
	$c->poll_query_until('postgres', 'SELECT count(*) = 0 FROM booking.cluster_ask($$SELECT gid FROM pg_prepared_xacts$$)');
	is($c->safe_psql('postgres', 'SELECT string_agg(v::text, $$; $$) FROM booking.cluster_verify() v'), '', "$when: cluster_verify() finds nothing");
	# The journal was written where and when each was booked, and has not moved.
	is($c->safe_psql('postgres', q{
		WITH stored AS (SELECT a.item ->> 'id' AS id, count(*) AS n FROM booking.cluster_ask('SELECT id FROM booking.booking') a GROUP BY 1),
		written AS (SELECT DISTINCT a.item ->> 'booking_id' AS id FROM booking.cluster_ask('SELECT booking_id FROM booking.event') a)
		SELECT (SELECT count(*) FROM written w WHERE NOT EXISTS (SELECT FROM stored s WHERE s.id = w.id)) || ' lost, '
			|| (SELECT count(*) FROM stored WHERE n > 1) || ' twice, '
			|| (SELECT count(*) FROM stored s WHERE NOT EXISTS (SELECT FROM written w WHERE w.id = s.id)) || ' out of nothing'}),
		'0 lost, 0 twice, 0 out of nothing', "$when: nothing lost, nothing twice");
	return;
}
check_all('20 moves');
cmp_ok($c->safe_psql('postgres', q{SELECT sum((item ->> 'n')::bigint) FROM booking.cluster_ask('SELECT count(*) AS n FROM booking.booking')}), '>', 300, 'there was something to lose');

# 4. Interrupted: after each step, and killed in the middle of one.
for my $step ('packed', 'moved')
{
	my $from = lives_on('m3');
	$c->safe_psql('postgres', q{SELECT booking.cluster_on_all('SELECT booking.cluster_pack(''m3'', ''10 s'')')});
	my ($status, $out, $err) = $c->psql('postgres', q{SELECT * FROM booking.cluster_book_slot('m3', 'room', '[2060-01-01, 2060-01-02)', 'ann')}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/40001: place "m3" is moving to another node/, "$step: callers are told to repeat");
	is($c->safe_psql('postgres', 'SELECT problem FROM booking.cluster_verify()'), 'place that is packed', "$step: cluster_verify() says so");
	if ($step eq 'moved')
	{
		my ($shard) = $c->safe_psql('postgres', q{SELECT shardid FROM booking.cluster_shard('m3')});
		$c->safe_psql('postgres', "SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', " . other($from) . ", 'block_writes')");
	}
	$_->stop('immediate'), $_->start for @nodes;
	ok(defined move('m3', other($from)), "$step: it goes on after all nodes have crashed");
	is(lives_on('m3'), other($from), "$step: and has moved");
	is($c->safe_psql('postgres', q{SELECT count(*) FROM booking.cluster_remaining('m3', 'room', '[2060-01-01, 2060-01-02)')}), 1, "$step: it is open again");
	check_all($step);
}
# Back where it came from, instead.
$c->safe_psql('postgres', q{SELECT booking.cluster_on_all('SELECT booking.cluster_pack(''m3'', ''10 s'')')});
ok(defined move('m3', lives_on('m3')), 'a move that is given up');
check_all('given up');

for my $turn (1 .. 4)
{
	my $victim = $nodes[ $turn % 3 ];
	my $to = other(lives_on('m4'));
	my ($out, $err) = ('', '');
	my $moving = IPC::Run::start([ $c->installed_command('psql'), '-X', '-h', $c->host, '-p', $c->port, '-d', 'postgres', '-c',
			"CALL booking.cluster_move_place('m4', '127.0.0.1', $to)" ], '<', \undef, '>', \$out, '2>', \$err);
	select(undef, undef, undef, rand(0.6));
	$victim->stop('immediate');
	IPC::Run::finish($moving);
	$victim->start;
	my $done = 0;
	for (1 .. 60)
	{
		last if $done = defined move('m4', $to);
		sleep 1;
	}
	ok($done, 'killed in a move, ' . $victim->name . ': it goes on');
	is(lives_on('m4'), $to, 'and arrives');
	check_all("killed $turn");
}
done_testing();
