/*
 * client.c: how does one client talk to the database?
 *
 * On top of the fibers of loop.c, libpq's asynchronous calls become blocking ones again, which is what the recipes see. A statement is prepared
 * on its first use by this connection, in the same round trip that executes it, and known by the address of its text from then on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"

#define MAX_TRIES	200

static int64_t simple(Client *c, const char *command);
static void send_first(Client *c, const char *statement, const char *name, int count, const char *const *parameters);
static int64_t collect(Client *c);
static PGresult *next_result(Client *c);
static void fail(Client *c, const PGresult *result);
static bool failed_with(const Client *c, const char *sqlstate);
static void forgive(Client *c);
static bool once_more(Client *c);
static void pause_for(Client *c, int64_t nanoseconds);
static Answer serve(Client *c, int64_t *latency);
static void count_error(Run *run, const char *sqlstate, const char *message);

/* ---- the connection ---- */

bool
client_connect(Client *c, const char *dbname)
{
	const Settings *settings = c->run->settings;
	char		options[1024];
	char		delay[64] = "";
	char		isolation[32] = "serializable";
	const char *keywords[] = {"dbname", "application_name", "options", NULL};
	const char *values[] = {dbname, "race client", options, NULL};

	/*
	 * The tables are empty when the race begins, and have no statistics; a plan made then must be the one that tables in use would get. Every
	 * statement is planned once, as it would be in a connection that lives long.
	 */
	if (settings->commit_delay_us > 0)
		snprintf(delay, sizeof(delay), " -c commit_siblings=0 -c commit_delay=%d", settings->commit_delay_us);
	if (strcmp(settings->isolation, "serializable") != 0)	/* read-committed: two words, the space escaped */
		snprintf(isolation, sizeof(isolation), "%.*s\\ %s", (int) strcspn(settings->isolation, "-"), settings->isolation,
				 strchr(settings->isolation, '-') + 1);
	snprintf(options, sizeof(options),
			 "-c search_path=race,public -c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off"
			 " -c client_min_messages=error -c default_transaction_isolation=%s%s %s",
			 isolation, delay, settings->server_settings);

	c->conn = PQconnectStartParams(keywords, values, 1);
	for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; PQstatus(c->conn) != CONNECTION_BAD;)
	{
		if (state == PGRES_POLLING_READING)
			loop_wait_readable(PQsocket(c->conn));
		else
			loop_wait_writable(PQsocket(c->conn));
		state = PQconnectPoll(c->conn);
		if (state == PGRES_POLLING_OK)
			return true;
		if (state == PGRES_POLLING_FAILED)
			break;
	}
	snprintf(c->message, sizeof(c->message), "%s", PQerrorMessage(c->conn));
	return false;
}

void
client_disconnect(Client *c)
{
	PQfinish(c->conn);
	c->conn = NULL;
}

/* ---- what recipes call ---- */

int64_t
client_sql(Client *c, const char *statement, const char *const *parameters)
{
	int			count = 0;
	int			number = 0;
	char		name[16];

	if (!client_about_to_send(c))
		return 0;
	while (parameters[count] != NULL)
		count++;
	while (number < 15 && c->statements[number] != NULL && c->statements[number] != statement)
		number++;
	snprintf(name, sizeof(name), "s%d", number);
	if (c->statements[number] == NULL)
	{
		send_first(c, statement, name, count, parameters);
		c->statements[number] = statement;
	}
	else
		PQsendQueryPrepared(c->conn, name, count, parameters, NULL, NULL, 0);
	return collect(c);
}

const char *
value(Client *c, int column)
{
	return c->values[column];
}

bool
is_true(Client *c, int column)
{
	return c->failed[0] == '\0' && strcmp(c->values[column], "t") == 0;
}

void
begin(Client *c)
{
	simple(c, "BEGIN");
}

void
begin_serializable(Client *c)
{
	simple(c, "BEGIN ISOLATION LEVEL SERIALIZABLE");
}

void
commit(Client *c)
{
	simple(c, "COMMIT");
}

Answer
rollback(Client *c)
{
	if (PQtransactionStatus(c->conn) == PQTRANS_INTRANS || PQtransactionStatus(c->conn) == PQTRANS_INERROR)
	{
		char		failed[sizeof(c->failed)];

		memcpy(failed, c->failed, sizeof(failed));
		c->failed[0] = '\0';	/* or it would not be sent */
		simple(c, "ROLLBACK");
		if (c->failed[0] == '\0')
			memcpy(c->failed, failed, sizeof(failed));
	}
	return REFUSED;
}

bool
refused_with(Client *c, const char *sqlstate)
{
	if (!failed_with(c, sqlstate))
		return false;
	forgive(c);
	return true;
}

bool
retry_after_conflict(Client *c)
{
	if (!failed_with(c, "40001") && !failed_with(c, "40P01"))
		return false;
	rollback(c);
	if (!once_more(c))
		return false;
	forgive(c);
	return true;
}

bool
try_again(Client *c)
{
	return c->failed[0] == '\0' && once_more(c);
}

/* ---- serving a customer ---- */

/*
 * Serves the customer of c->request, and counts what came of it.
 */
void
client_attempt(Client *c)
{
	Run		   *run = c->run;
	int64_t		latency = 0;
	Answer		answer;

	c->tries = c->retries = c->trips = 0;
	c->failed[0] = '\0';
	answer = serve(c, &latency);
	if (PQstatus(c->conn) == CONNECTION_BAD)
		c->done = true;
	else
		rollback(c);			/* what a failed recipe has left open */

	if (run->cancelled && failed_with(c, "57014"))
		return;					/* our own doing */
	if (c->failed[0] != '\0')
		count_error(run, c->failed, c->message);
	if (c->rehearsing)
		return;

	run->retries += c->retries;
	if (c->failed[0] != '\0')
	{
		run->failed++;
		return;
	}
	switch (answer)
	{
		case BOOKED:
			run->booked++;
			run->booked_units += c->quantity;
			run->load += c->quantity * c->minutes;
			run->trips += c->trips;
			run->last_booked = loop_now();
			break;
		case REFUSED:
			run->refused++;
			break;
		case WALKED_AWAY:
			run->walked_away++;
			break;
		case GAVE_UP:
			run->gave_up++;
			break;
	}
	histogram_add(&run->latency, latency);
	if (run->scenario->learn)
		run->scenario->learn(c, answer);
}

uint32_t
client_random(Client *c, uint32_t below)
{
	/* splitmix64 */
	uint64_t	z = (c->random += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	z ^= z >> 31;
	return (uint32_t) (((z >> 32) * below) >> 32);
}

void
client_think(Client *c, double milliseconds)
{
	if (milliseconds > 0)
		pause_for(c, (int64_t) (milliseconds * 1e6 * (0.5 + client_random(c, 1000) / 1000.0)));
}

/*
 * The steps of the recipe, and what the customer waited for them. A held seat waits for its customer to decide: one in three walks
 * away without a word, and some decide only after the hold has lapsed.
 */
static Answer
serve(Client *c, int64_t *latency)
{
	const Recipe *recipe = c->run->recipe;
	int64_t		started = loop_now();
	Answer		answer = recipe->book(c, &c->request);

	*latency = loop_now() - started;
	if (recipe->confirm == NULL || answer != BOOKED || c->failed[0] != '\0')
		return answer;

	if (client_random(c, 3) == 0 && !c->rehearsing)
		return WALKED_AWAY;
	if (!c->rehearsing)
		pause_for(c, client_random(c, 1200) * (c->run->sizes.hold_ms * MILLISECOND / 1000));
	started = loop_now();
	answer = recipe->confirm(c, &c->request);
	*latency += loop_now() - started;
	return answer;
}

/* ---- statements ---- */

static int64_t
simple(Client *c, const char *command)
{
	if (!client_about_to_send(c))
		return 0;
	PQsendQuery(c->conn, command);
	return collect(c);
}

/*
 * What every statement waits for, of whichever server. False after a failure.
 */
bool
client_about_to_send(Client *c)
{
	if (c->failed[0] != '\0')
		return false;
	if (c->run->settings->network_ms > 0)
		loop_sleep((int64_t) (c->run->settings->network_ms * 1e6));
	c->trips++;
	return true;
}

static void
send_first(Client *c, const char *statement, const char *name, int count, const char *const *parameters)
{
	PGresult   *result;

	PQenterPipelineMode(c->conn);
	PQsendPrepare(c->conn, name, statement, 0, NULL);
	PQsendQueryPrepared(c->conn, name, count, parameters, NULL, NULL, 0);
	PQpipelineSync(c->conn);

	result = next_result(c);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail(c, result);
	PQclear(result);
	PQclear(next_result(c));	/* the NULL between the two */
}

/*
 * Reads the answer to a statement to its end.
 */
static int64_t
collect(Client *c)
{
	int64_t		number = 0;
	bool		pipeline = PQpipelineStatus(c->conn) != PQ_PIPELINE_OFF;
	bool		synced = !pipeline;
	PGresult   *result;

	while ((result = next_result(c)) != NULL || !synced)
	{
		switch (PQresultStatus(result))
		{
			case PGRES_TUPLES_OK:
				if (PQntuples(result) > 0)
				{
					const char *first = PQgetvalue(result, 0, 0);
					char	   *end;

					for (int i = 0; i < PQnfields(result) && i < 3; i++)
						snprintf(c->values[i], sizeof(c->values[i]), "%s", PQgetvalue(result, 0, i));
					number = strtoll(first, &end, 10);
					if (*first != '\0' && *end != '\0')
						number = strcmp(first, "f") != 0;
				}
				break;
			case PGRES_COMMAND_OK:
				number = atoll(PQcmdTuples(result));
				break;
			case PGRES_PIPELINE_SYNC:
				synced = true;
				break;
			case PGRES_PIPELINE_ABORTED:
				break;
			default:
				if (result != NULL)
					fail(c, result);
				if (PQstatus(c->conn) == CONNECTION_BAD)
					synced = true;
		}
		PQclear(result);
		if (pipeline && synced)
			break;
	}
	if (pipeline)
		PQexitPipelineMode(c->conn);
	return c->failed[0] == '\0' ? number : 0;
}

static PGresult *
next_result(Client *c)
{
	while (PQisBusy(c->conn))
	{
		loop_wait_readable(PQsocket(c->conn));
		if (!PQconsumeInput(c->conn))
			break;
	}
	return PQgetResult(c->conn);
}

static void
fail(Client *c, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (c->failed[0] != '\0')
		return;
	snprintf(c->failed, sizeof(c->failed), "%s", sqlstate ? sqlstate : "08006");
	snprintf(c->message, sizeof(c->message), "%s", message ? message : PQerrorMessage(c->conn));
}

static bool
failed_with(const Client *c, const char *sqlstate)
{
	return strcmp(c->failed, sqlstate) == 0;
}

static void
forgive(Client *c)
{
	c->failed[0] = '\0';
}

static bool
once_more(Client *c)
{
	if (++c->tries > MAX_TRIES || c->run->cancelled)
		return false;
	c->retries++;
	pause_for(c, client_random(c, 1000 << (c->tries < 5 ? c->tries : 5)) * (MILLISECOND / 1000));
	return true;
}

/*
 * Sleeps, but not past the end of the race.
 */
static void
pause_for(Client *c, int64_t nanoseconds)
{
	int64_t		until = loop_now() + nanoseconds;

	while (!c->run->stopping)
	{
		int64_t		left = until - loop_now();

		if (left <= 0)
			break;
		loop_sleep(left < 200 * MILLISECOND ? left : 200 * MILLISECOND);
	}
}

static void
count_error(Run *run, const char *sqlstate, const char *message)
{
	Error	   *error = run->errors;

	while (error < run->errors + run->error_count && strcmp(error->sqlstate, sqlstate) != 0)
		error++;
	if (error == run->errors + run->error_count)
	{
		if (run->error_count == (int) (sizeof(run->errors) / sizeof(Error)))
			return;
		run->error_count++;
		snprintf(error->sqlstate, sizeof(error->sqlstate), "%s", sqlstate);
		snprintf(error->message, sizeof(error->message), "%s", message);
	}
	error->count++;
}
