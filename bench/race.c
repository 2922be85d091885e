/*
 * race.c: which strategy sells fastest without selling twice?
 *
 * Runs one scenario with each of the strategies that make sense for it, in a scratch database that is dropped at the end, also after an
 * interruption. For each strategy: set up the tables, connect the clients, let every client serve one customer out of competition, start
 * them all at once, stop them after the time or when all is sold, ask the oracle what was sold twice.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "race.h"

#define GRACE		(2 * SECOND)	/* for statements to end by themselves, after the end */

#define WAL_POSITION	"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
#define DATABASE_SIZE	"SELECT pg_database_size(current_database())"

extern const Strategy bare,
			naive,
			txn,
			forupdate,
			version,
			unique,
			exclude,
			serializable,
			advisory,
			counter,
			function,
			trigger,
			redis_counter,
			booking;

static const Strategy *const strategies[] = {
	&naive, &txn, &trigger,
	&forupdate, &function, &version, &serializable, &advisory, &counter, &unique, &exclude, &redis_counter,
	&booking, &bare, NULL
};

static void read_options(int argc, char **argv);
static double number_option(const char *name, const char *text, double low, double high);
static Range range_option(const char *name, const char *text);
static const char *isolation_option(const char *text);
static void usage(FILE *out);
static void list(void);
static bool chosen(const Strategy *strategy);
static void create_database(void);
static void drop_database(void);
static void race(Run *run);
static bool set_up(Run *run);
static void take_down(Run *run);
static void client_body(void *argument);
static void tick(void);
static void end_race(void);
static void judge(Run *run);
static bool execute(const char *command);
static bool execute_for(const Sizes *sizes, const char *template);
static char *expand(const Sizes *sizes, const char *template);
static char *complaint(void);
static double number_of(const char *query);
static double cpu_seconds(void);
static void on_signal(int signal);
static void die(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));

static const Scenario *scenario;
static const char *wanted[32];	/* strategies, by name */
static int	wanted_count;
static Sizes asked;
static Settings settings = {.isolation = "read-committed",.server_settings = "",.label = "",.seed = 1};
static const char *csv_path;
static const char *json_path;
static bool keep;
static bool quiet;

static PGconn *home;			/* the database that we were pointed at */
static PGconn *scratch;			/* the one that we made */
static char database[32];
static Run *racing;				/* the run in progress */
static int64_t cancel_at;
static double wal_before;
static double size_before;
static volatile sig_atomic_t interrupted;

int
main(int argc, char **argv)
{
	Run		   *runs;
	Machine		machine;
	int			count = 0;
	bool		broken = false;

	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &(struct sigaction) {.sa_handler = on_signal}, NULL);
	sigaction(SIGTERM, &(struct sigaction) {.sa_handler = on_signal}, NULL);

	runs = calloc(sizeof(strategies) / sizeof(strategies[0]), sizeof(Run));
	create_database();
	for (int i = 0; strategies[i] != NULL && !interrupted; i++)
	{
		Run		   *run = &runs[count];

		run->recipe = scenario_recipe(scenario, strategies[i]);
		if (run->recipe == NULL || !chosen(strategies[i]))
			continue;
		run->scenario = scenario;
		run->strategy = strategies[i];
		run->sizes = asked;
		run->settings = &settings;
		if (count++ == 0)
		{
			report_machine(&machine, scratch);
			if (!quiet)
				report_heading(run, &machine);
		}
		race(run);
	}
	drop_database();
	if (count == 0 && interrupted)
		return 130;
	if (count == 0)
		die("%s has no recipe for this scenario", wanted_count > 0 ? "none of these strategies" : "no strategy");

	report_table(runs, count);
	if (csv_path && !report_csv(csv_path, runs, count, &machine))
		die("could not write %s", csv_path);
	if (json_path && !report_json(json_path, runs, count, &machine))
		die("could not write %s", json_path);
	for (int i = 0; i < count; i++)
		broken |= runs[i].strategy->promise == SAFE && runs[i].oversold > 0;
	return interrupted ? 130 : broken ? 1 : 0;
}

/* ---- the command line ---- */

static void
read_options(int argc, char **argv)
{
	enum
	{
		THINGS = 256, CAPACITY, QUANTITY, HOLD, THINK, NETWORK, COMMIT_DELAY, ISOLATION, SET, SEED, LABEL, CSV, JSON, KEEP, LIST
	};
	static const struct option options[] = {
		{"clients", required_argument, NULL, 'c'},
		{"time", required_argument, NULL, 't'},
		{"things", required_argument, NULL, THINGS},
		{"capacity", required_argument, NULL, CAPACITY},
		{"quantity", required_argument, NULL, QUANTITY},
		{"hold", required_argument, NULL, HOLD},
		{"think", required_argument, NULL, THINK},
		{"network", required_argument, NULL, NETWORK},
		{"commit-delay", required_argument, NULL, COMMIT_DELAY},
		{"isolation", required_argument, NULL, ISOLATION},
		{"set", required_argument, NULL, SET},
		{"seed", required_argument, NULL, SEED},
		{"label", required_argument, NULL, LABEL},
		{"csv", required_argument, NULL, CSV},
		{"json", required_argument, NULL, JSON},
		{"keep", no_argument, NULL, KEEP},
		{"quiet", no_argument, NULL, 'q'},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}
	};
	Sizes		given = {0};
	int			option;

	while ((option = getopt_long(argc, argv, "c:t:qh", options, NULL)) != -1)
		switch (option)
		{
			case 'c':
				given.clients = number_option("clients", optarg, 1, 1000);
				break;
			case 't':
				given.seconds = number_option("time", optarg, 0.1, 86400);
				break;
			case THINGS:
				given.things = number_option("things", optarg, 1, 1000000);
				break;
			case CAPACITY:
				given.capacity = number_option("capacity", optarg, 1, 1000000000);
				break;
			case QUANTITY:
				given.quantity = range_option("quantity", optarg);
				break;
			case HOLD:
				given.hold_ms = number_option("hold", optarg, 1, 60000);
				break;
			case THINK:
				settings.think_ms = number_option("think", optarg, 0, 3600000);
				break;
			case NETWORK:
				settings.network_ms = number_option("network", optarg, 0, 10000);
				break;
			case COMMIT_DELAY:
				settings.commit_delay_us = number_option("commit-delay", optarg, 0, 100) * 1000;
				break;
			case ISOLATION:
				settings.isolation = isolation_option(optarg);
				break;
			case SET:
				settings.server_settings = optarg;
				break;
			case SEED:
				settings.seed = number_option("seed", optarg, 0, 1e18);
				break;
			case LABEL:
				settings.label = optarg;
				break;
			case CSV:
				csv_path = optarg;
				break;
			case JSON:
				json_path = optarg;
				break;
			case KEEP:
				keep = true;
				break;
			case 'q':
				quiet = true;
				break;
			case LIST:
				list();
				exit(0);
			case 'h':
				usage(stdout);
				exit(0);
			default:
				usage(stderr);
				exit(2);
		}
	if (optind == argc)
	{
		usage(stderr);
		exit(2);
	}
	scenario = scenario_find(argv[optind]);
	if (scenario == NULL)
		die("no scenario \"%s\"; race --list shows them", argv[optind]);
	for (int i = optind + 1; i < argc; i++)
	{
		bool		known = false;

		for (int s = 0; strategies[s] != NULL; s++)
			known |= strcmp(strategies[s]->name, argv[i]) == 0;
		if (!known || wanted_count == (int) (sizeof(wanted) / sizeof(wanted[0])))
			die("no strategy \"%s\"; race --list shows them", argv[i]);
		wanted[wanted_count++] = argv[i];
	}

	asked = scenario->sizes;
	if (given.clients)
		asked.clients = given.clients;
	if (given.seconds > 0)
		asked.seconds = given.seconds;
	if (given.things)
		asked.things = given.things;
	if (given.hold_ms)
		asked.hold_ms = given.hold_ms;
	if (given.capacity)
	{
		if (scenario->sizes.capacity <= 1)
			die("the things of scenario %s have no capacity to choose", scenario->name);
		asked.capacity = given.capacity;
	}
	if (given.quantity.high)
	{
		if (scenario->sizes.quantity.high == 1)
			die("in scenario %s every client wants one", scenario->name);
		asked.quantity = given.quantity;
	}
}

static double
number_option(const char *name, const char *text, double low, double high)
{
	char	   *end;
	double		number = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(number >= low && number <= high))
		die("--%s takes a number from %g to %g, not \"%s\"", name, low, high, text);
	return number;
}

static Range
range_option(const char *name, const char *text)
{
	Range		range;
	char		rest;

	if (sscanf(text, "%d..%d%c", &range.low, &range.high, &rest) != 2 || range.low < 1 || range.high < range.low)
		die("--%s takes a range like 1..5, not \"%s\"", name, text);
	return range;
}

static const char *
isolation_option(const char *text)
{
	static const char *const levels[] = {"read-committed", "repeatable-read", "serializable"};

	for (int i = 0; i < 3; i++)
		if (strcmp(text, levels[i]) == 0)
			return levels[i];
	die("--isolation takes read-committed, repeatable-read or serializable, not \"%s\"", text);
}

static void
usage(FILE *out)
{
	fprintf(out,
			"race SCENARIO [STRATEGY ...] [OPTION ...]\n"
			"Lets clients race for the same things, with every strategy (or those named), and counts what was sold twice.\n"
			"\n"
			"  -c, --clients N         at once, 1 to 1000\n"
			"  -t, --time SECONDS      per strategy, if it is not sold out before\n"
			"      --things N          rooms, hotels, seats, slots, events, pools\n"
			"      --capacity N        of each of them\n"
			"      --quantity LOW..HIGH  that a customer takes\n"
			"      --hold MS           how long a seat is held (bus)\n"
			"      --think MS          a client waits between two customers\n"
			"      --network MS        a statement takes to get there and back\n"
			"      --commit-delay MS   a commit takes longer than on this disk (superuser)\n"
			"      --isolation LEVEL   read-committed, repeatable-read or serializable\n"
			"      --set \"-c NAME=VALUE ...\"  further settings of the clients' sessions\n"
			"      --seed N            of the customers' wishes\n"
			"      --label TEXT            goes into the results as it is\n"
			"      --csv FILE          append the results to FILE\n"
			"      --json FILE         write them to FILE\n"
			"      --keep              do not drop the scratch database (nor stop Redis)\n"
			"  -q, --quiet             the result only\n"
			"      --list              scenarios and strategies\n"
			"\n"
			"The server is found as by any program of PostgreSQL: PGHOST, PGPORT, PGUSER, PGDATABASE.\n");
}

static void
list(void)
{
	printf("scenarios\n");
	for (int i = 0; scenarios[i] != NULL; i++)
		printf("  %-13s %s\n", scenarios[i]->name, scenarios[i]->about);
	printf("strategies\n");
	for (int i = 0; strategies[i] != NULL; i++)
	{
		printf("  %-13s %s\n%16s", strategies[i]->name, strategies[i]->about, "");
		for (int s = 0; scenarios[s] != NULL; s++)
			if (scenario_recipe(scenarios[s], strategies[i]))
				printf("%s ", scenarios[s]->name);
		printf("\n");
	}
}

static bool
chosen(const Strategy *strategy)
{
	for (int i = 0; i < wanted_count; i++)
		if (strcmp(wanted[i], strategy->name) == 0)
			return true;
	return wanted_count == 0;
}

/* ---- the scratch database ---- */

static void
create_database(void)
{
	char		command[128];
	PGresult   *result;

	home = PQconnectdb("application_name=race client_encoding=UTF8 options='-c client_min_messages=warning'");
	if (PQstatus(home) != CONNECTION_OK)
		die("no connection to a server: %s", PQerrorMessage(home));

	result = PQexec(home, "SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer");
	if (PQresultStatus(result) == PGRES_TUPLES_OK && atoi(PQgetvalue(result, 0, 0)) < asked.clients + 4)
		die("%d clients need a server with max_connections of at least %d", asked.clients, asked.clients + 10);
	PQclear(result);

	snprintf(database, sizeof(database), "race_%d", (int) getpid());
	snprintf(command, sizeof(command), "CREATE DATABASE %s TEMPLATE template0", database);
	result = PQexec(home, command);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		die("could not create a scratch database: %s", PQerrorMessage(home));
	PQclear(result);

	scratch = PQconnectdbParams((const char *[]) {"dbname", "application_name", "client_encoding", "options", NULL},
								(const char *[]) {database, "race", "UTF8", "-c client_min_messages=warning -c search_path=race,public", NULL}, 0);
	if (PQstatus(scratch) != CONNECTION_OK || !execute("CREATE EXTENSION btree_gist"))
	{
		char	   *message = strdup(PQerrorMessage(scratch));

		drop_database();
		die("could not prepare the scratch database: %s", message);
	}
}

static void
drop_database(void)
{
	char		command[128];

	PQfinish(scratch);
	if (keep)
		fprintf(stderr, "kept: database %s, schema race\n", database);
	else
	{
		snprintf(command, sizeof(command), "DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
		PQclear(PQexec(home, command));
	}
	PQfinish(home);
	redis_stop();
}

/* ---- one race ---- */

static void
race(Run *run)
{
	int			clients = run->sizes.clients;
	double		cpu_before;

	run->capacity = -1;
	run->wal_bytes = run->disk_bytes = -1;
	if (!set_up(run) || interrupted)
	{
		if (run->note == NULL)
			run->note = "interrupted";
		take_down(run);
		return;
	}

	racing = run;
	run->clients = calloc(clients, sizeof(Client));
	run->start.expected = clients;
	scenario_prepare(run);
	for (int i = 0; i < clients; i++)
	{
		Client	   *c = &run->clients[i];

		c->run = run;
		c->number = i;
		c->random = settings.seed * 1000003 + i;
		loop_start(client_body, c);
	}
	cpu_before = cpu_seconds();
	loop_run(tick);
	run->client_cpu = cpu_seconds() - cpu_before;
	report_progress_end();

	if (run->note == NULL)
		judge(run);
	scenario_release(run);
	free(run->clients);
	run->clients = NULL;
	take_down(run);
}

static bool
set_up(Run *run)
{
	if (run->strategy->needs_redis && !redis_start())
		run->note = "needs hiredis when this program is built, and redis-server";
	else if ((run->strategy->needs_booking && !execute("CREATE EXTENSION booking")) ||
			 !execute("CREATE SCHEMA race") ||
			 !execute_for(&run->sizes, run->scenario->tables) ||
			 (run->recipe->tables && !execute_for(&run->sizes, run->recipe->tables)) ||
			 !execute("ANALYZE"))
		run->note = complaint();
	if (run->note != NULL)
		return false;

	if (run->recipe->prepare)
		run->recipe->prepare(run->sizes.things + REHEARSAL_THINGS, run->sizes.capacity);
	size_before = number_of(DATABASE_SIZE);
	execute("CHECKPOINT");		/* so that no strategy pays for another one's pages; where the role may not, without */
	return true;
}

static void
take_down(Run *run)
{
	if (keep)
		return;
	if (run->strategy->needs_booking)
		execute("DROP EXTENSION IF EXISTS booking CASCADE");
	execute("DROP SCHEMA IF EXISTS race CASCADE");
}

/*
 * What one client does, from its connection to the end.
 */
static void
client_body(void *argument)
{
	Client	   *c = argument;
	Run		   *run = c->run;

	if (client_connect(c, database) && (!run->strategy->needs_redis || redis_connect(c)))
	{
		c->rehearsing = true;
		scenario_rehearse(c);
		client_attempt(c);
		c->rehearsing = false;
		if (c->failed[0] != '\0' && run->note == NULL && !run->stopping)
			run->note = strdup(c->message);
	}
	else if (run->note == NULL)
		run->note = strdup(c->message);
	if (run->note != NULL && !run->stopping)
		end_race();

	meeting_wait(&run->start);
	if (run->started == 0 && !run->stopping)
	{
		run->started = loop_now();
		run->deadline = run->started + (int64_t) (run->sizes.seconds * SECOND);
		wal_before = number_of(WAL_POSITION);
	}
	while (!run->stopping && !c->done && scenario->next(c))
	{
		client_attempt(c);
		client_think(c, settings.think_ms);
	}
	scenario_leave(c);
	redis_disconnect(c);
	client_disconnect(c);
}

/*
 * Watches the clock, between the steps of the clients.
 */
static void
tick(void)
{
	Run		   *run = racing;
	int64_t		now = loop_now();

	if (!run->stopping && (interrupted || (run->started > 0 && now >= run->deadline)))
		end_race();
	if (run->stopping && now >= cancel_at)
	{
		run->cancelled = true;
		execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
				" WHERE datname = current_database() AND application_name = 'race client' AND state <> 'idle'");
		cancel_at = now + GRACE;
	}
	if (!quiet)
		report_progress(run);
}

/*
 * No client begins anything from here on; what has begun may end.
 */
static void
end_race(void)
{
	racing->stopping = true;
	racing->ended = loop_now();
	cancel_at = racing->ended + GRACE;
	meeting_open(&racing->start);
	scenario_stop(racing);
}

/*
 * What really happened.
 */
static void
judge(Run *run)
{
	int64_t		end = run->ended > run->last_booked ? run->ended : run->last_booked;
	char	   *query = expand(&run->sizes, run->scenario->oracle);
	PGresult   *result;

	run->elapsed = run->started > 0 ? (double) (end - run->started) / SECOND : 0;
	if (run->scenario->capacity)
		run->capacity = run->scenario->capacity(run);

	result = PQexec(scratch, query);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
	{
		run->units_sold = atoll(PQgetvalue(result, 0, 0));
		run->oversold = atoll(PQgetvalue(result, 0, 1));
	}
	else
		run->note = complaint();
	PQclear(result);
	free(query);
	if (run->booked > 0)
	{
		run->wal_bytes = (number_of(WAL_POSITION) - wal_before) / run->booked;
		run->disk_bytes = (number_of(DATABASE_SIZE) - size_before) / run->booked;
	}
}

/* ---- small things ---- */

static bool
execute(const char *command)
{
	PGresult   *result = PQexec(scratch, command);
	ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool
execute_for(const Sizes *sizes, const char *template)
{
	char	   *command = expand(sizes, template);
	bool		done = execute(command);

	free(command);
	return done;
}

/*
 * Replaces :things, :all (with those for the rehearsal) and :capacity.
 */
static char *
expand(const Sizes *sizes, const char *template)
{
	char	   *text;
	size_t		length;
	FILE	   *out = open_memstream(&text, &length);
	const struct
	{
		const char *name;
		int			number;
	}			names[] = {
		{":things", sizes->things}, {":all", sizes->things + REHEARSAL_THINGS}, {":capacity", sizes->capacity}, {NULL, 0}
	};

	while (*template != '\0')
	{
		int			i = 0;

		while (names[i].name != NULL && strncmp(template, names[i].name, strlen(names[i].name)) != 0)
			i++;
		if (names[i].name == NULL)
			fputc(*template++, out);
		else
		{
			fprintf(out, "%d", names[i].number);
			template += strlen(names[i].name);
		}
	}
	fclose(out);
	return text;
}

/*
 * What the server said last, without its "ERROR:  ".
 */
static char *
complaint(void)
{
	const char *message = PQerrorMessage(scratch);

	if (strncmp(message, "ERROR:", 6) == 0)
		message += 6 + strspn(message + 6, " ");
	return strndup(message, strcspn(message, "\n"));
}

static double
number_of(const char *query)
{
	PGresult   *result = PQexec(scratch, query);
	double		number = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 ? atof(PQgetvalue(result, 0, 0)) : 0;

	PQclear(result);
	return number;
}

static double
cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
on_signal(int signal)
{
	(void) signal;
	interrupted = true;
}

static void
die(const char *format,...)
{
	va_list		arguments;

	fputs("race: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}
