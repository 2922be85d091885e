// Booking with pgx.  The connection comes from PGHOST, PGDATABASE and the like.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/jackc/pgconn" // with pgx 5: github.com/jackc/pgx/v5/pgconn
	"github.com/jackc/pgx/v4" // and the same with v5 here and in the next line
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	nine     = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)"
	halfPast = "[2030-05-06 09:30+00, 2030-05-06 10:30+00)"
)

var ctx = context.Background()

func httpStatus(err error) int {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return 500
	}
	switch refused.Code {
	case "23P01", "23505", "55000": // taken, id used for something else, too late
		return 409
	case "42704": // no such resource, seat, slot, booking
		return 404
	case "23514": // against a rule
		return 422
	case "55P03": // waited longer than lock_timeout
		return 503
	}
	if strings.HasPrefix(refused.Code, "22") { // malformed
		return 422
	}
	return 500
}

// id is a *string: nil for one that the server makes.  pgx.ErrNoRows: no row.
func book(db *pgxpool.Pool, resource int64, period, holder string, id *string, function string) (booked string, err error) {
	err = db.QueryRow(ctx, "SELECT id::text FROM booking."+function+"($1::bigint, $2::tstzrange, $3::text, id => $4::uuid)",
		resource, period, holder, id).Scan(&booked)
	return
}

func refusal(db *pgxpool.Pool, resource int64, period, holder string, id *string) string {
	_, err := book(db, resource, period, holder, id, "book_slot")
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		log.Fatal("it was not refused: ", err)
	}
	return fmt.Sprint(httpStatus(err), " ", refused.Code, " ", refused.ConstraintName)
}

func check(what bool) {
	if !what {
		log.Panic("not so")
	}
}

func main() {
	config, err := pgxpool.ParseConfig("sslmode=disable")
	check(err == nil)
	// Through PgBouncer in transaction mode: no statements that are prepared by name.
	// With pgx 5: DefaultQueryExecMode = pgx.QueryExecModeExec, and pgxpool.NewWithConfig.
	_, config.ConnConfig.PreferSimpleProtocol = os.LookupEnv("PGBOUNCER")
	db, err := pgxpool.ConnectConfig(ctx, config)
	check(err == nil)
	var room int64
	var mine string
	check(db.QueryRow(ctx, "SELECT id, gen_random_uuid()::text FROM booking.create_resource('Room ' || gen_random_uuid(), min_notice => '0')").
		Scan(&room, &mine) == nil)

	booked, err := book(db, room, nine, "ada", &mine, "book_slot")
	check(err == nil && booked == mine)
	check(refusal(db, room, halfPast, "grace", nil) == "409 23P01 booking_no_overlap")
	check(refusal(db, 0, nine, "grace", nil) == "404 42704 ")
	check(refusal(db, room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace", nil) == "422 23514 booking_notice")
	check(refusal(db, room, nine, "grace", &mine) == "409 23505 booking_pkey")
	_, err = book(db, room, halfPast, "grace", nil, "try_book_slot")
	check(errors.Is(err, pgx.ErrNoRows))

	// The connection is lost and with it the answer: the same call again; the pool connects anew.
	_, err = db.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
	check(err != nil)
	booked, err = book(db, room, nine, "ada", &mine, "book_slot")
	check(err == nil && booked == mine)
	fmt.Println("ok")
}
