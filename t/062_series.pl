# Series against an implementation that is not ours: thousands of random recurrence rules, in
# time zones of all kinds, and what occurrences() makes of them, compared with python3-dateutil
# for the local times and with Python's zoneinfo for the instants.  Then text that is no rule, or
# nearly one: an answer or an error that begins with "rule", and nothing else.
#
# BOOKING_RULES=100000 BOOKING_RULES_SEED=7 tools/test 062_series tries more of them.
#
# Where dateutil does something of its own, it is asked in another way, in the script below.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged);

my $RULES = $ENV{BOOKING_RULES} // 1_500;
my $SEED = $ENV{BOOKING_RULES_SEED} // 21;

diag("BOOKING_RULES=$RULES BOOKING_RULES_SEED=$SEED");
srand($SEED);

my $node = PostgreSQL::Test::Cluster->new('series');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\ntimezone = 'UTC'\ndatestyle = 'ISO, YMD'\nlog_min_messages = warning\nlog_min_error_statement = panic");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource(zone, timezone => zone) FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca',
	'Pacific/Apia', 'Asia/Kolkata', 'America/Santiago', 'Asia/Tehran']) AS zone;
CREATE TABLE expected (number int, zone text, begins timestamp, ends timestamp, rule text, times text);
-- As the script below writes it down.
CREATE FUNCTION answer(zone text, first tstzrange, rule text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT string_agg(to_char(begins, 'YYYYMMDD"T"HH24MISS') || '=' || coalesce(extract(epoch FROM lower(period))::bigint || '+' || extract(epoch FROM upper(period) - lower(period))::bigint, 'never'), ' ' ORDER BY occurrence)
		FROM booking.occurrences(zone, first, rule));
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN sqlerrm;
END $$;
});

my $script = "$PostgreSQL::Test::Utils::tmp_check/rules.py";
append_to_file($script, q{
import itertools, random, signal, sys, zoneinfo
from datetime import datetime, timedelta
from dateutil.rrule import rrule, rrulestr, weekday, WEEKLY

count, seed = int(sys.argv[1]), int(sys.argv[2])
days = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']
zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Pacific/Apia', 'Asia/Kolkata', 'America/Santiago', 'Asia/Tehran']
utc = zoneinfo.ZoneInfo('UTC')

def some(values, most):
    return random.sample(values, random.randint(1, min(most, len(values))))

def random_rule():
    freq = random.choice(['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'])
    parts = {}
    if random.random() < 0.5:
        parts['INTERVAL'] = str(random.choice([1, 2, 2, 3, 4, 5, 7, 12, 13]))
    if random.random() < 0.4:
        parts['BYMONTH'] = ','.join(map(str, some(range(1, 13), 6)))
    if random.random() < 0.4 and freq != 'WEEKLY':
        parts['BYMONTHDAY'] = ','.join(map(str, some([d for d in range(-31, 32) if d], 8)))
    if random.random() < 0.5:
        plain = some(days, 5) if random.random() < 0.6 else []
        nth = []
        if freq in ('MONTHLY', 'YEARLY') and (not plain or random.random() < 0.2):
            most = 5 if freq == 'MONTHLY' or 'BYMONTH' in parts else random.choice([5, 53])
            nth = [random.choice(['', '', '+', '-']) + str(random.randint(1, most)) + random.choice(days) for _ in range(random.randint(1, 3))]
        if plain + nth:
            parts['BYDAY'] = ','.join(plain + nth)
    if random.random() < 0.3 and any(p in parts for p in ('BYDAY', 'BYMONTHDAY', 'BYMONTH')):
        parts['BYSETPOS'] = ','.join(map(str, some([1, 1, 2, 3, 4, 5, -1, -1, -2, -3, 10, -10, 50, 200, -200], 3)))
    if random.random() < 0.4:
        parts['WKST'] = random.choice(days)
    return freq, parts

def text_of(freq, parts):
    items = [('FREQ', freq)] + list(parts.items())
    random.shuffle(items)
    return ';'.join('='.join(i) for i in items)

def local_times(freq, parts, first):
    """all of them from "first" on, without end"""
    parts = dict(parts)
    start = first
    # BYSETPOS counts in the whole week.  dateutil begins to count at the beginning of the series.
    if freq == 'WEEKLY' and 'BYSETPOS' in parts:
        parts.setdefault('BYDAY', days[first.weekday()])
        start = first - timedelta((first.weekday() - days.index(parts.get('WKST', 'MO'))) % 7)
    # dateutil takes only what "MO" and "2TU" have in common.
    by_day = parts.get('BYDAY', '').split(',')
    plain, nth = [d for d in by_day if d in days], [d for d in by_day if d not in days]
    if plain and any(nth):
        if 'BYSETPOS' in parts:
            return None
        both = [rrulestr(text_of(freq, dict(parts, BYDAY=','.join(d))), dtstart=start) for d in (plain, nth)]
        import heapq
        times = (t for t, _ in itertools.groupby(heapq.merge(*both)))
    else:
        times = iter(rrulestr(text_of(freq, parts), dtstart=start))
    return (t for t in times if t >= first)

class TooLong(Exception):
    pass
def too_long(*_):
    raise TooLong()
signal.signal(signal.SIGVTALRM, too_long)

def instant(zone, local):
    at = local.replace(tzinfo=zone, fold=0).astimezone(utc)
    return int(at.timestamp()) if at.astimezone(zone).replace(tzinfo=None) == local else None

made = 0
for attempt in itertools.count():
    if made == count:
        break
    # Each begins anew: a rule that is left out, because dateutil takes too long for it here, changes no other.
    random.seed(f'{seed} {attempt}')
    freq, parts = random_rule()
    name = random.choice(zones)
    first = datetime(random.randint(1995, 2060), random.randint(1, 12), random.randint(1, 28), random.choice([0, 0, 1, 2, 2, 9, 23]), random.choice([0, 0, 30, 59]), random.choice([0, 0, 59]))
    if random.random() < 0.2:
        first += timedelta(random.randint(1, 3))
    wanted = random.choice([1, 2, 5, 10, 40])
    # Some come to a night in which the clock is set forward.
    if random.random() < 0.1:
        name, first, wanted = random.choice(['Europe/Berlin', 'America/New_York']), first.replace(month=3, day=random.randint(1, 7), hour=2, minute=30), 40
    zone = zoneinfo.ZoneInfo(name)
    length = random.choice([timedelta(hours=1), timedelta(minutes=30), timedelta(days=1), timedelta(hours=3), timedelta(days=3)])
    # The first one is an instant: let there be only one way to say it.
    if any(instant(zone, t) is None or t.replace(tzinfo=zone, fold=1).astimezone(utc).timestamp() != instant(zone, t) for t in (first, first + length)):
        continue
    horizon = first + timedelta(366 * 60)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.15)
        times = local_times(freq, parts, first)
        found = None if times is None else list(itertools.islice(itertools.takewhile(lambda t: t <= horizon, times), wanted))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except TooLong:
        continue
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if not found:
        continue
    how = random.random()
    if how < 0.6:
        parts['COUNT'] = str(len(found))
    else:
        after = next(itertools.islice(local_times(freq, parts, first), len(found), None), None) if len(found) == wanted else horizon
        until = found[-1] + random.choice([timedelta(0), min(timedelta(hours=5), ((after or horizon) - found[-1]) / 2)])
        until = until.replace(microsecond=0)
        if how < 0.8:
            parts['UNTIL'] = until.strftime('%Y%m%dT%H%M%S')
        elif instant(zone, until) is None or instant(zone, found[-1]) is None or instant(zone, until) < instant(zone, found[-1]):
            continue
        elif after and (instant(zone, after) or 1e18) <= instant(zone, until):
            continue
        else:
            parts['UNTIL'] = datetime.fromtimestamp(instant(zone, until), utc).strftime('%Y%m%dT%H%M%SZ')
    answer = []
    for t in found:
        begins, ends = instant(zone, t), instant(zone, t + length)
        answer.append(t.strftime('%Y%m%dT%H%M%S') + '=' + ('never' if begins is None or ends is None else '%d+%d' % (begins, ends - begins)))
    made += 1
    print('|'.join([str(made), name, str(first), str(first + length), text_of(freq, parts), ' '.join(answer)]))
});

my @pythons = grep { system("$_ -c 'import dateutil, zoneinfo; zoneinfo.ZoneInfo(\"Europe/Berlin\")' 2>/dev/null") == 0 } ('/usr/bin/python3', 'python3');
SKIP:
{
	skip 'nothing to compare rules with here: Debian\'s python3-dateutil', 4 unless @pythons;
	my $data = "$PostgreSQL::Test::Utils::tmp_check/rules.txt";
	is(system("$pythons[0] $script $RULES $SEED > $data"), 0, 'dateutil has an answer to each rule');
	$node->safe_psql('postgres', "COPY expected FROM '$data' WITH (FORMAT csv, DELIMITER '|')");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM expected'), $RULES, "$RULES rules");
	cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM expected WHERE times ~ 'never'}), '>', 5, 'some of them name times that do not exist');
	is($node->safe_psql('postgres', q{
SELECT * FROM (SELECT number, zone, begins, ends, rule, times, answer(zone, tstzrange(timezone(zone, begins), timezone(zone, ends)), rule) AS ours FROM expected) AS both_answers
WHERE ours IS DISTINCT FROM times ORDER BY number LIMIT 5}), '', 'the same local times, and the same instants');
}

# Nearly rules.
my @words = ('FREQ=', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY', 'HOURLY', ';', ';', ';', '=', ',', 'INTERVAL=', 'COUNT=', 'COUNT=3', 'UNTIL=', 'UNTIL=20400101', '20400101T000000Z', 'BYDAY=', 'MO', 'TU', '-1FR', '+53SU',
	'BYMONTHDAY=', 'BYMONTH=', 'BYSETPOS=', 'WKST=', '1', '-1', '0', '31', '-31', '366', '2147483647', '2147483648', '-2147483648', '99999999999999999999', 'RRULE:', ' ', "\n", '+', '-', 'T', 'Z', 'BYHOUR=9', 'x' x 50, "\xc3\xa4", "'", '%s%n', '29', '2');
my @good = ('FREQ=DAILY;COUNT=3', 'FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3', 'FREQ=MONTHLY;BYDAY=2TU,-1FR;BYSETPOS=-1;COUNT=3', 'FREQ=YEARLY;INTERVAL=3;BYMONTH=2;BYMONTHDAY=29;COUNT=2', 'FREQ=MONTHLY;BYMONTHDAY=-1,15;UNTIL=20400101T000000Z', 'FREQ=WEEKLY;INTERVAL=2;WKST=SU;UNTIL=20400101');
my @lines;
for my $i (1 .. 4000)
{
	my $rule = rand() < 0.7 ? $good[ rand @good ] : join '', map { $words[ rand @words ] } 1 .. 1 + rand 8;
	for (1 .. rand 4)
	{
		my $at = int(rand(length($rule) + 1));
		my $part = rand() < 0.6 ? $words[ rand @words ] : '';
		substr($rule, $at, rand() < 0.5 ? int(rand(3)) : 0) = $part if $at <= length $rule;
	}
	next if !utf8::valid($rule) || !utf8::decode(my $copy = $rule);
	(my $quoted = $rule) =~ s/'/''/g;
	push @lines, "('$quoted')";
}
my $wrong = $node->safe_psql('postgres', q{
SET client_encoding = 'UTF8';
WITH rules (rule) AS (VALUES } . join(",\n", @lines) . q{),
answers AS (SELECT rule, answer('Europe/Berlin', '[2035-01-30 09:00, 2035-01-30 10:00)', rule) AS said FROM rules)
SELECT * FROM answers WHERE said !~ '^rule(, [A-Z]+)?: ' AND said !~ '^2\d{3}' OR said IS NULL LIMIT 5});
is($wrong, '', scalar(@lines) . ' texts: an answer, or an error that says it is about the rule');
is($node->safe_psql('postgres', 'SELECT 1'), 1, 'the server is there');
is_not_logged($node, qr/PANIC|TRAP|terminated by signal|WARNING/, 'nothing in the log');

$node->stop;
done_testing();
