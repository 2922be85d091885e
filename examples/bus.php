<?php
// A bus: 8 seats from Bremen to Hamburg.  A passenger looks at the plan, holds a seat while paying, and confirms; a family of three gets three seats or none.
//
//	createdb bus; PGDATABASE=bus php examples/bus.php
$db = new PDO('pgsql:', options: [PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);
function ask(string $sql, ...$values): array {
    global $db;
    ($statement = $db->prepare($sql))->execute($values);
    return $statement->fetchAll();
}
function check(bool $what, string $words): void {
    if (!$what)
        throw new Exception("not so: $words");
}

$db->exec('CREATE EXTENSION IF NOT EXISTS booking CASCADE');
ask("SELECT FROM booking.create_resource('Bus 7', 'seated', seats => '{1A,1B,2A,2B,3A,3B,4A,4B}', timezone => 'Europe/Berlin', max_hold => '15 minutes')");
[['id' => $trip]] = ask("SELECT id FROM booking.publish_slot('Bus 7', booking.local_period('Bus 7', '2030-06-01 08:00', '2030-06-01 09:45'))");

function plan(): array {
    global $trip;
    return array_column(ask('SELECT seat, status FROM booking.seat_map(?::bigint)', $trip), 'status', 'seat');
}

// One seat: held, paid, confirmed.  A customer that comes too late hears what is left.
check(plan()['2A'] === 'free', 'the bus is empty');
[['id' => $ticket]] = ask("SELECT id FROM booking.book_place(?::bigint, 'ann', seat => '2A', hold_for => '10 minutes')", $trip);
check(plan()['2A'] === 'held', 'it is held for ann');
check(ask("SELECT id FROM booking.try_book_place(?::bigint, 'bob', seat => '2A')", $trip) === [], 'no other customer gets it');
try {
    ask("SELECT FROM booking.book_place(?::bigint, 'bob', seat => '2A')", $trip);
    throw new Exception('booked twice');
} catch (PDOException $e) {
    preg_match('/constraint "([^"]+)"/', $e->errorInfo[2], $found);
    check([$e->errorInfo[0], $found[1]] === ['23P01', 'booking_no_overlap'], 'the reason');
}
ask('SELECT FROM booking.confirm(?::uuid)', $ticket);

// Three seats next to each other, in one call: all or none.  And the holds of a family are confirmed as one.
$family = ask("SELECT * FROM booking.book_slot_seats(?::bigint, 'curie', 3, together => true, hold_for => '10 minutes')", $trip);
check(count($family) === 3, 'three seats');
ask('SELECT FROM booking.confirm_group(?::uuid)', $family[0]['group_id']);
try {
    ask("SELECT FROM booking.book_slot_seats(?::bigint, 'meitner', seats => '{1A,2A}')", $trip);
    throw new Exception('booked twice');
} catch (PDOException $e) {
    check($e->errorInfo[0] === '23P01' && str_contains($e->errorInfo[2], 'constraint "booking_no_overlap"'), 'not without 2A');
}
check(ask("SELECT FROM booking.current WHERE holder = 'meitner'") === [], 'and nothing is left of it');

check(array_count_values(plan()) === ['free' => 4, 'booked' => 4], 'four of eight');
check(ask('SELECT booking.remaining(?::bigint) AS left', $trip)[0]['left'] === 4, 'and four are left');
check(ask('SELECT * FROM booking.verify()') === [], 'verify() finds nothing');
echo "ok\n";
