/*
 * race.h: what the parts of the harness know of each other
 */
#ifndef RACE_H
#define RACE_H

#include <libpq-fe.h>
#include <stdio.h>

#include "histogram.h"
#include "loop.h"
#include "recipe.h"

/* Things 1 to `things` are raced for; the next few are there for the clients to warm up on. */
#define REHEARSAL_THINGS	16

typedef struct Run Run;

typedef struct Range
{
	int			low;
	int			high;
} Range;

/* The numbers of a scenario that can be chosen on the command line; 0 is "not given" there and "has none" in the scenario. */
typedef struct Sizes
{
	int			clients;
	int			things;
	int			capacity;
	Range		quantity;
	int			hold_ms;
	double		seconds;
} Sizes;

typedef struct Scenario
{
	const char *name;
	const char *about;
	Sizes		sizes;			/* what is raced when nothing else is asked for */
	int			together;		/* things of which a customer takes any, then the next few; 0: all of them */
	const char *tables;			/* :things, :all and :capacity are replaced */
	const char *oracle;			/* SQL: units sold, units sold above the capacity; of the table booking, whichever strategy filled it */

	/* The next request, or false when this client has had enough. May wait. */
	bool		(*next) (Client *c);
	void		(*learn) (Client *c, Answer answer);
	int64_t		(*capacity) (const Run *run);	/* NULL: there is always another day */
} Scenario;

typedef struct Error
{
	char		sqlstate[6];
	char		message[160];
	int64_t		count;
} Error;

typedef struct Settings
{
	double		think_ms;		/* between two customers */
	double		network_ms;		/* before every statement */
	int			commit_delay_us;
	const char *isolation;
	const char *server_settings;	/* more of them, for the clients' sessions */
	const char *label;
	uint64_t	seed;
} Settings;

struct Run
{
	const Scenario *scenario;
	const Strategy *strategy;
	const Recipe *recipe;
	Sizes		sizes;
	const Settings *settings;

	/* while it runs */
	Client	   *clients;
	Meeting		start;
	Meeting		round;			/* scenario room: all clients ask for the same day at once */
	Meeting    *twins;			/* scenario event: two clients send the same request at once */
	int64_t		started;
	int64_t		deadline;
	bool		stopping;
	bool		cancelled;		/* statements that take too long to end have been cancelled */
	int64_t		customers;		/* so far */
	int64_t		load;			/* units times minutes sold, for the scenarios with a moving window */
	bool	   *sold;			/* per thing, for the scenarios where a customer picks one that looks free */
	int			unsold;
	int			first_unsold;

	/* what came of it */
	int64_t		booked;
	int64_t		booked_units;
	int64_t		refused;
	int64_t		walked_away;
	int64_t		gave_up;
	int64_t		failed;
	int64_t		retries;
	int64_t		trips;			/* of the bookings that came about, with the retries they took */
	int64_t		last_booked;
	int64_t		ended;			/* 0: all clients had enough before the time was up */
	Histogram	latency;		/* of every answer, yes or no */
	Error		errors[8];
	int			error_count;

	/* results */
	double		elapsed;		/* seconds */
	double		client_cpu;		/* processor seconds of the harness */
	int64_t		capacity;		/* -1: unbounded */
	int64_t		units_sold;
	int64_t		oversold;
	double		wal_bytes;		/* per booking; -1: unknown */
	double		disk_bytes;
	const char *note;			/* why there is no result */
};

/* One client: a connection and the customer it is serving. See client.c; the scenario's part is in scenario.c. */
struct Client
{
	Run		   *run;
	int			number;
	uint64_t	random;
	bool		rehearsing;
	bool		done;

	/* the request, and room for its texts */
	Request		request;
	int			thing;
	int			quantity;
	int64_t		minutes;		/* of the period */
	char		thing_text[16];
	char		period_text[80];
	char		quantity_text[16];
	char		customer_text[24];
	char		hold_for_text[24];
	char		hold_text[64];
	int		   *most;			/* per slot: larger quantities have been refused already */
	int64_t		served;			/* rounds so far, in scenarios that have some */

	/* the connection */
	PGconn	   *conn;
	struct redisContext *redis;
	char		failed[6];		/* SQLSTATE; empty: all is well */
	char		message[160];
	char		values[3][64];
	int			tries;
	int			retries;
	int			trips;
	const char *statements[16];
};

/* scenario.c */
extern const Scenario *const scenarios[];
extern const Scenario *scenario_find(const char *name);
extern const Recipe *scenario_recipe(const Scenario *scenario, const Strategy *strategy);
extern void scenario_prepare(Run *run);
extern void scenario_release(Run *run);
extern void scenario_rehearse(Client *c);
extern void scenario_leave(Client *c);
extern void scenario_stop(Run *run);

/* client.c */
extern bool client_connect(Client *c, const char *dbname);
extern void client_disconnect(Client *c);
extern void client_attempt(Client *c);
extern uint32_t client_random(Client *c, uint32_t below);
extern bool client_about_to_send(Client *c);
extern void client_think(Client *c, double milliseconds);

/* redis.c */
extern bool redis_start(void);	/* false: this program was built without it, or there is no server to start */
extern void redis_stop(void);
extern bool redis_connect(Client *c);
extern void redis_disconnect(Client *c);
extern const char *redis_version(void);

/* report.c */
typedef struct Machine
{
	char		cpu[96];
	int			cpus;
	char		memory[24];
	char		kernel[96];
	char		commit[48];		/* of this checkout */
	char		server[64];
	char		extension[32];
	char		redis[32];
	char		settings[256];
	char		started[40];
} Machine;

extern void report_machine(Machine *machine, PGconn *conn);
extern void report_heading(const Run *run, const Machine *machine);
extern void report_progress(const Run *run);
extern void report_progress_end(void);
extern void report_table(const Run *runs, int count);
extern bool report_csv(const char *path, const Run *runs, int count, const Machine *machine);
extern bool report_json(const char *path, const Run *runs, int count, const Machine *machine);
extern double run_rate(const Run *run);

#endif
