# ical() is read by a parser that is not ours (Debian: python3-icalendar): it finds the events that
# there are, with their times, their states and their words, whatever is in the words, and
# nothing that a name has smuggled in.  A role that may not read the bookings gets the busy times, and
# no holder.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('ical');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "fsync = off\ntimezone = 'Europe/Berlin'");
$node->start;
$ENV{PGCLIENTENCODING} = 'UTF8';
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room', timezone => 'Europe/Berlin');
SELECT booking.create_resource(E'Saal; "Groß", \\\\ \r\nBEGIN:VEVENT\r\nUID:1\u2028SUMMARY:x\u0085y' || repeat('会議室', 30), 'seated',
	seats => ARRAY[E'A,1\n2', 'B']);
SELECT booking.create_resource('bikes', 'pooled', 3);
SELECT booking.create_resource('yoga', 'pooled', 0, slots_only => true);
SELECT booking.publish_slot('yoga', '[2030-01-07 18:00, 2030-01-07 19:30)', 2);
SELECT booking.publish_slot('yoga', '[2030-01-08 18:00, 2030-01-08 19:30)', 2);
SELECT booking.book_place(1, 'yogi', 2);
SELECT booking.book_place(2, 'yogi');
SELECT booking.book_slot('room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', id => '00000000-0000-7000-8000-000000000001');
SELECT booking.book_slot('room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'bob', hold_for => '1 day', id => '00000000-0000-7000-8000-000000000002');
SELECT booking.book_slot('room', '[2030-01-07 12:00, 2030-01-07 13:00)', 'lapsed', hold_for => '1 us');
SELECT booking.book_slot('room', '[2030-01-07 14:00, 2030-01-07 15:00)', 'gone', id => '00000000-0000-7000-8000-000000000003');
SELECT booking.cancel('00000000-0000-7000-8000-000000000003');
SELECT booking.book_slot('room', '[2030-01-07 16:00:00.2, 2030-01-07 16:00:00.4)', 'short', id => '00000000-0000-7000-8000-000000000004');
SELECT booking.book_slot('room', '[2030-01-20,)', 'stays', id => '00000000-0000-7000-8000-000000000005');
SELECT booking.book_slot(2, '[2030-01-07 09:00, 2030-01-07 10:00)', E'ev\nil;\r\nEND:VEVENT\rEND:VCALENDAR, \\\\ "q" \x1b[31m ü' || repeat('x席', 60),
	seat => E'A,1\n2', id => '00000000-0000-7000-8000-000000000006');
SELECT booking.book_slot('bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', 2, id => '00000000-0000-7000-8000-000000000007');
SELECT booking.book_slot('bikes', '[2030-01-07 09:30, 2030-01-07 10:30)', 'bob', 1, id => '00000000-0000-7000-8000-000000000008');
CREATE ROLE stranger;
GRANT USAGE ON SCHEMA booking TO stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA booking TO stranger;
CREATE ROLE reader;
SELECT booking.grant_access('reader', 'read');
CREATE ROLE ann;
SELECT booking.grant_access('ann', 'read');
});

my @pythons = grep { system("$_ -c 'import icalendar' 2>/dev/null") == 0 } ('/usr/bin/python3', 'python3');
my $python = $pythons[0];
my $parser = "$PostgreSQL::Test::Utils::tmp_check/parse.py";
append_to_file($parser, q{
import re, sys, icalendar
sys.stdout.reconfigure(encoding='utf-8')
words = lambda e, p: str(e.get(p, '')).encode('unicode_escape').decode()
def name(e): # newer parsers leave a property that the standard does not have as it was written
    value = e.get('X-WR-CALNAME', '')
    if type(value) is not icalendar.vText:
        value = re.sub(r'\\\\(.)', lambda m: '\n' if m.group(1) in 'nN' else m.group(1), str(value))
    return str(value).encode('unicode_escape').decode()
time = lambda e, p: e[p].dt.strftime('%Y-%m-%d %H:%M:%S%z')
for e in icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read()).walk():
    if e.name == 'VEVENT':
        assert e['DTSTAMP'].dt.tzinfo is not None
        print('|'.join([words(e, 'UID'), time(e, 'DTSTART'), time(e, 'DTEND'), words(e, 'STATUS'), words(e, 'SUMMARY'), words(e, 'LOCATION')]))
    elif e.name == 'VFREEBUSY':
        busy = e.get('FREEBUSY', [])
        busy = busy if isinstance(busy, list) else [busy]
        print('|'.join(['free/busy', time(e, 'DTSTART'), time(e, 'DTEND')] + [b.to_ical().decode() for b in busy]))
    else:
        print(e.name, words(e, 'VERSION'), name(e))
});

# The calendar as it is, and as the parser understands it.
sub calendar
{
	my ($call, $role) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/calendar.ics";
	my $hex = $node->safe_psql('postgres', ($role ? "SET ROLE $role; " : '') . "SELECT encode(convert_to(booking.ical($call), 'UTF8'), 'hex')");
	my $text = pack('H*', $hex);
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $text;
	close $out;
	my $read = '';
	if ($python)
	{
		$read = `$python $parser $file`;
		die "the parser failed: $call" if $?;
	}
	return ($text, $read);
}
sub read_is
{
	my ($read, $expected, $name) = @_;
  SKIP:
	{
		skip "no parser for calendars here: Debian's python3-icalendar", 1 unless $python;
		is($read, $expected, $name);
	}
}
sub well_formed
{
	my ($text, $name) = @_;
	(my $rest = $text) =~ s/\r\n//g;
	unlike($rest, qr/[\r\n\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/, "$name: lines end in CRLF, and nothing else is a control character");
	is((grep { length($_) > 75 } split /\r\n/, $text), 0, "$name: no line is longer than 75 octets");
	is((grep { !utf8::decode(my $line = $_) } split /\r\n/, $text), 0, "$name: no character is cut in two");
}

my ($text, $read) = calendar(q{'room', '[2030-01-07, 2030-02-01)'});
well_formed($text, 'room');
read_is($read, q{VCALENDAR 2.0 room
00000000-0000-7000-8000-000000000001|2030-01-07 08:00:00+0000|2030-01-07 09:00:00+0000|CONFIRMED|ann|room
00000000-0000-7000-8000-000000000002|2030-01-07 09:00:00+0000|2030-01-07 10:00:00+0000|TENTATIVE|bob|room
00000000-0000-7000-8000-000000000004|2030-01-07 15:00:00+0000|2030-01-07 15:00:01+0000|CONFIRMED|short|room
00000000-0000-7000-8000-000000000005|2030-01-19 23:00:00+0000|2030-01-31 23:00:00+0000|CONFIRMED|stays|room
free/busy|2030-01-06 23:00:00+0000|2030-01-31 23:00:00+0000|20300107T080000Z/20300107T100000Z|20300107T150000Z/20300107T150001Z|20300119T230000Z/20300131T230000Z
}, 'a booking each, holds that have lapsed and what is cancelled left out');

($text, $read) = calendar(q{2, '[2030-01-07, 2030-01-08)'});
well_formed($text, 'hostile words');
is(() = $text =~ /^BEGIN:VEVENT\r$/mg, 1, 'one event');
is(() = $text =~ /^END:/mg, 3, 'three ends');
read_is($read, q{VCALENDAR 2.0 Saal; "Gro\xdf", \\\\ \nBEGIN:VEVENT\nUID:1\nSUMMARY:x\ny} . '\u4f1a\u8b70\u5ba4' x 30 . q{
00000000-0000-7000-8000-000000000006|2030-01-07 08:00:00+0000|2030-01-07 09:00:00+0000|CONFIRMED|ev\nil;\nEND:VEVENT\nEND:VCALENDAR, \\\\ "q" [31m \xfc} . 'x\u5e2d' x 60
	. q{|Saal; "Gro\xdf", \\\\ \nBEGIN:VEVENT\nUID:1\nSUMMARY:x\ny} . '\u4f1a\u8b70\u5ba4' x 30 . q{, A,1\n2
free/busy|2030-01-06 23:00:00+0000|2030-01-07 23:00:00+0000
}, 'words stay words');

($text, $read) = calendar(q{'bikes', '[2030-01-07 09:45, 2030-01-07 12:00)'});
read_is($read, q{VCALENDAR 2.0 bikes
00000000-0000-7000-8000-000000000007|2030-01-07 08:00:00+0000|2030-01-07 09:00:00+0000|CONFIRMED|ann (2)|bikes
00000000-0000-7000-8000-000000000008|2030-01-07 08:30:00+0000|2030-01-07 09:30:00+0000|CONFIRMED|bob|bikes
free/busy|2030-01-07 08:45:00+0000|2030-01-07 11:00:00+0000|20300107T084500Z/20300107T090000Z
}, 'several of a thing are busy when all are');

($text, $read) = calendar(q{'room', '[2030-01-07, 2030-01-08)'}, 'stranger');
well_formed($text, 'stranger');
unlike($text, qr/ann|bob|00000000-/, 'no holder, and no booking');
$read =~ s/busy-1-(\w+)@\d+\.\d+/busy-1-$1/g;
read_is($read, q{VCALENDAR 2.0 room
busy-1-20300107T080000Z|2030-01-07 08:00:00+0000|2030-01-07 10:00:00+0000||Busy|room
busy-1-20300107T150000Z|2030-01-07 15:00:00+0000|2030-01-07 15:00:01+0000||Busy|room
free/busy|2030-01-06 23:00:00+0000|2030-01-07 23:00:00+0000|20300107T080000Z/20300107T100000Z|20300107T150000Z/20300107T150001Z
}, 'when it is busy');
($text, $read) = calendar(q{'yoga', '[2030-01-07, 2030-01-10)'}, 'stranger');
is(() = $text =~ /^SUMMARY:Busy\r$/mg, 1, 'a slot that is sold out is busy');
unlike($text, qr/yogi/, 'no holder');
($text) = calendar(q{'yoga', '[2030-01-07, 2030-01-10)'}, 'reader');
is(() = $text =~ /^SUMMARY:yogi/mg, 2, 'a reader sees the bookings in slots');
($text) = calendar(q{'room', '[2029-01-07, 2029-01-08)'}, 'stranger');
like($text, qr/^BEGIN:VFREEBUSY\r$/m, 'a calendar is never empty');

# Row-level security counts, as in any query.
$node->safe_psql('postgres', q{
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON booking.booking FOR SELECT TO ann USING (holder = 'ann')});
($text) = calendar(q{'room', '[2030-01-07, 2030-02-01)'}, 'ann');
is(() = $text =~ /^SUMMARY:ann\r$/mg, 1, 'her own');
unlike($text, qr/bob|stays/, 'and no other holder\'s');

# A backslash before an "n" is no end of a line.  (The parser of Debian 12 takes it for one.)
$node->safe_psql('postgres', q{SELECT booking.create_resource('back\\new;'); SELECT booking.book_slot('back\\new;', '[2030-01-07, 2030-01-08)', 'x\\,y')});
($text) = calendar(q{'back\\new;', '[2030-01-07, 2030-02-01)'});
like($text, qr/^X-WR-CALNAME:back\\\\new\\;\r$/m, 'escaped');
like($text, qr/^SUMMARY:x\\\\\\,y\r$/m, 'escaped');

# The whole of time, and what is no time.
($text) = calendar(q{'room', '[2029-01-01, 2128-01-01)'});
like($text, qr/^DTEND:21271231T230000Z\r$/m, 'a booking without an end ends with the time that is asked for');
($text) = calendar(q{'room', '[0100-01-01 BC, 0001-01-03)'});
like($text, qr/^DTSTART:00010101T000000Z\r\nDTEND:000101\d\dT/m, 'there are no years before the first');
for my $call (q{'room', '[2030-01-01,)'}, q{'room', 'empty'}, q{'room', NULL}, q{NULL::text, '[2030-01-01,2030-01-02)'}, q{'none', '[2030-01-01,2030-01-02)'}, q{-1, '[2030-01-01,2030-01-02)'})
{
	my ($status) = $node->psql('postgres', "SELECT booking.ical($call)");
	is($status, 3, "refused: $call");
}

$node->stop;
done_testing();
