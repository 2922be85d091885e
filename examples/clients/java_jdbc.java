// Booking with JDBC.  java -cp /usr/share/java/postgresql.jar java_jdbc.java
// The connection comes from PGHOST (a host, not a socket), PGPORT, PGDATABASE, PGUSER and PGPASSWORD.
import java.sql.*;
import java.util.*;
import org.postgresql.util.PSQLException;

class Client {
    static final String NINE = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", HALF_PAST = "[2030-05-06 09:30+00, 2030-05-06 10:30+00)";

    static int httpStatus(SQLException error) {
        return switch (error.getSQLState()) {
            case "23P01", "23505", "55000" -> 409;                       // taken, id used for something else, too late
            case "42704" -> 404;                                         // no such resource, seat, slot, booking
            case "23514" -> 422;                                         // against a rule
            case "55P03" -> 503;                                         // waited longer than lock_timeout
            default -> error.getSQLState().startsWith("22") ? 422 : 500; // malformed
        };
    }

    static Connection connect() throws SQLException {
        var env = System.getenv();
        return DriverManager.getConnection("jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/"
            + env.get("PGDATABASE")
            // Through PgBouncer in transaction mode: no statements that are prepared by name.
            + (env.containsKey("PGBOUNCER") ? "?prepareThreshold=0" : ""), env.get("PGUSER"), env.get("PGPASSWORD"));
    }

    // A String is sent as varchar, which is no tstzrange: hence ?::tstzrange.  An id in setLong is a bigint already.
    static UUID book(Connection db, long resource, String period, String holder, UUID id, String function) throws SQLException {
        try (var call = db.prepareStatement("SELECT * FROM booking." + function + "(?, ?::tstzrange, ?, id => ?)")) {
            call.setLong(1, resource);
            call.setString(2, period);
            call.setString(3, holder);
            call.setObject(4, id, Types.OTHER);                          // so that a null goes through as well
            var row = call.executeQuery();
            return row.next() ? row.getObject("id", UUID.class) : null;  // null: no row
        }
    }

    static List<String> refusal(Connection db, long resource, String period, String holder, UUID id) {
        try {
            book(db, resource, period, holder, id, "book_slot");
        } catch (SQLException error) {
            var server = ((PSQLException) error).getServerErrorMessage();   // null when the connection is lost
            return Arrays.asList("" + httpStatus(error), error.getSQLState(), server.getConstraint());
        }
        throw new IllegalStateException("it was not refused");
    }

    static void check(boolean what) {
        if (!what) throw new IllegalStateException("not so");
    }

    public static void main(String[] arguments) throws SQLException {
        var db = connect();
        var created = db.createStatement().executeQuery(
            "SELECT id FROM booking.create_resource('Room ' || gen_random_uuid(), min_notice => '0')");
        created.next();
        long room = created.getLong("id");

        var mine = UUID.randomUUID();
        check(mine.equals(book(db, room, NINE, "ada", mine, "book_slot")));
        check(refusal(db, room, HALF_PAST, "grace", null).equals(Arrays.asList("409", "23P01", "booking_no_overlap")));
        check(refusal(db, 0, NINE, "grace", null).equals(Arrays.asList("404", "42704", null)));
        check(refusal(db, room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace", null)
            .equals(Arrays.asList("422", "23514", "booking_notice")));
        check(refusal(db, room, NINE, "grace", mine).equals(Arrays.asList("409", "23505", "booking_pkey")));
        check(book(db, room, HALF_PAST, "grace", null, "try_book_slot") == null);

        // The connection is lost and with it the answer: the same call again, on a new connection.
        try {
            db.createStatement().execute("SELECT pg_terminate_backend(pg_backend_pid())");
            throw new IllegalStateException("the connection is still there");
        } catch (SQLException error) {                                   // 57P01, or 08006 when the network is gone
            db = connect();
        }
        check(mine.equals(book(db, room, NINE, "ada", mine, "book_slot")));
        System.out.println("ok");
    }
}
