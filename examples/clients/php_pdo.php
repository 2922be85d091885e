<?php
// Booking with PDO.  The connection comes from PGHOST, PGDATABASE and the like.

const NINE = '[2030-05-06 09:00+00, 2030-05-06 10:00+00)', HALF_PAST = '[2030-05-06 09:30+00, 2030-05-06 10:30+00)';

// PDO passes on SQLSTATE and text, and no constraint name: the text ends with it.
function constraint(PDOException $error): ?string {
    return preg_match('/constraint "([^"]+)"/', $error->errorInfo[2], $found) ? $found[1] : null;
}

function http_status(PDOException $error): int {
    $code = $error->errorInfo[0];
    return match ($code) {
        '23P01', '23505', '55000' => 409,                       // taken, id used for something else, too late
        '42704' => 404,                                         // no such resource, seat, slot, booking
        '23514' => 422,                                         // against a rule
        '55P03' => 503,                                         // waited longer than lock_timeout
        default => str_starts_with($code, '22') ? 422 : 500,    // malformed
    };
}

function connect(): PDO {
    return new PDO('pgsql:', options: [
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        // Through PgBouncer in transaction mode: no statements that are prepared by name.
        PDO::PGSQL_ATTR_DISABLE_PREPARES => getenv('PGBOUNCER') !== false,
    ]);
}

// PDO sends parameters as text without a type: without ::bigint an id would be looked up as a name.
function book(PDO $db, $resource, $period, $holder, $id = null, $function = 'book_slot'): array|false {
    $statement = $db->prepare("SELECT * FROM booking.$function(?::bigint, ?::tstzrange, ?::text, id => ?::uuid)");
    $statement->execute([$resource, $period, $holder, $id]);
    return $statement->fetch();                                 // false: no row
}

function refusal(...$request): array {
    try {
        book(...$request);
    } catch (PDOException $error) {
        return [http_status($error), $error->errorInfo[0], constraint($error)];
    }
    throw new Exception('it was not refused');
}

function check(bool $what): void {
    if (!$what)
        throw new Exception('not so');
}

$db = connect();
$room = $db->query("SELECT id FROM booking.create_resource('Room ' || gen_random_uuid(), min_notice => '0')")->fetchColumn();
$mine = $db->query('SELECT gen_random_uuid()')->fetchColumn();

check(book($db, $room, NINE, 'ada', $mine)['id'] === $mine);
check(refusal($db, $room, HALF_PAST, 'grace') === [409, '23P01', 'booking_no_overlap']);
check(refusal($db, 0, NINE, 'grace') === [404, '42704', null]);
check(refusal($db, $room, '[2020-05-06 09:00+00, 2020-05-06 10:00+00)', 'grace') === [422, '23514', 'booking_notice']);
check(refusal($db, $room, NINE, 'grace', $mine) === [409, '23505', 'booking_pkey']);
check(book($db, $room, HALF_PAST, 'grace', null, 'try_book_slot') === false);

// The connection is lost and with it the answer: the same call again, on a new connection.
try {
    $db->query('SELECT pg_terminate_backend(pg_backend_pid())');
    throw new Exception('the connection is still there');
} catch (PDOException $error) {
    $db = connect();
}
check(book($db, $room, NINE, 'ada', $mine)['id'] === $mine);
echo "ok\n";
