/*
 * report.c: what does it look like?
 *
 * One list of fields makes the CSV and the JSON, so that they cannot differ. The table is for the eye.
 */
#include <ctype.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "race.h"

typedef struct Field
{
	const char *name;
	bool		is_text;
	char		value[256];
} Field;

#define MAX_FIELDS	64

static int	fields_of(const Run *run, const Machine *machine, Field *fields);
static void put(Field *fields, int *count, const char *name, bool is_text, const char *format,...) __attribute__((format(printf, 5, 6)));
static void bars(const Run *runs, int count);
static void bar(double share, int width);
static const char *verdict(const Run *run);
static const char *grouped(int64_t number, char *text, size_t size);
static const char *in_ms(double milliseconds, char *text, size_t size);
static const char *in_words(const Settings *settings);
static void first_line_of(const char *command, char *text, size_t size);
static void setting(PGconn *conn, const char *query, char *text, size_t size);
static bool in_color(void);

#define RED			(in_color() ? "\033[31m" : "")
#define DIM			(in_color() ? "\033[2m" : "")
#define BOLD		(in_color() ? "\033[1m" : "")
#define PLAIN		(in_color() ? "\033[0m" : "")

/* ---- where it ran ---- */

void
report_machine(Machine *machine, PGconn *conn)
{
	struct utsname kernel;
	char		command[600];
	char		path[400] = "";
	time_t		now = time(NULL);
	ssize_t		length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	memset(machine, 0, sizeof(*machine));
	path[length > 0 ? length : 0] = '\0';
	if (strrchr(path, '/'))
		*strrchr(path, '/') = '\0';
	first_line_of("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo", machine->cpu, sizeof(machine->cpu));
	first_line_of("awk '/^MemTotal/ {printf \"%.0f GB\", $2 / 1e6}' /proc/meminfo", machine->memory, sizeof(machine->memory));
	machine->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (uname(&kernel) == 0)
		snprintf(machine->kernel, sizeof(machine->kernel), "%.20s %.60s", kernel.sysname, kernel.release);
	snprintf(command, sizeof(command),
			 "cd '%s' && git() { command git -c safe.directory='*' \"$@\" 2>/dev/null; } &&"
			 " if commit=$(git rev-parse --short HEAD); then printf %%s \"$commit\";"
			 " git diff --quiet HEAD -- .. || printf +changes; else printf unknown; fi", path);
	first_line_of(command, machine->commit, sizeof(machine->commit));
	first_line_of("redis-server --version 2>/dev/null | sed 's/.*v=\\([0-9.]*\\).*/\\1/'", machine->redis, sizeof(machine->redis));
	setting(conn, "SELECT split_part(current_setting('server_version'), ' ', 1)", machine->server, sizeof(machine->server));
	setting(conn, "SELECT default_version FROM pg_available_extensions WHERE name = 'booking'", machine->extension, sizeof(machine->extension));
	setting(conn,
			"SELECT string_agg(name || ' ' || current_setting(name), ', ')"
			" FROM unnest('{fsync,synchronous_commit,full_page_writes,wal_level,wal_sync_method,shared_buffers,max_wal_size,shared_preload_libraries}'::text[]) AS name"
			" WHERE current_setting(name) <> ''", machine->settings, sizeof(machine->settings));
	strftime(machine->started, sizeof(machine->started), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
}

void
report_heading(const Run *run, const Machine *machine)
{
	const Sizes *sizes = &run->sizes;
	char		number[32];

	printf("%s%s%s: %s\n", BOLD, run->scenario->name, PLAIN, run->scenario->about);
	printf("%d clients, %d thing%s", sizes->clients, sizes->things, sizes->things == 1 ? "" : "s");
	if (sizes->capacity > 1)
		printf(" of %s, %d to %d at a time", grouped(sizes->capacity, number, sizeof(number)), sizes->quantity.low, sizes->quantity.high);
	printf(", at most %g s each, %s\n", sizes->seconds, in_words(run->settings));
	printf("%sPostgreSQL %s, booking %s, %d x %s, %s, %s, commit %s\n%s%s\n\n", DIM, machine->server,
		   machine->extension[0] ? machine->extension : "not installed", machine->cpus, machine->cpu, machine->memory, machine->kernel,
		   machine->commit[0] ? machine->commit : "unknown", machine->settings, PLAIN);
	fflush(stdout);
}

/* ---- while it runs ---- */

void
report_progress(const Run *run)
{
	static int64_t last;
	int64_t		now = loop_now();
	char		booked[32],
				refused[32],
				rate[32];

	if (!isatty(STDERR_FILENO) || now - last < SECOND / 10)
		return;
	last = now;
	if (run->started == 0)
		fprintf(stderr, "\r\033[K%-13s connecting and warming up ...", run->strategy->name);
	else
	{
		double		seconds = (double) (now - run->started) / SECOND;

		fprintf(stderr, "\r\033[K%-13s %5.1f s   %s booked   %s refused   %s/s", run->strategy->name, seconds,
				grouped(run->booked, booked, sizeof(booked)), grouped(run->refused, refused, sizeof(refused)),
				grouped(seconds > 0 ? run->booked / seconds : 0, rate, sizeof(rate)));
	}
	fflush(stderr);
}

void
report_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

/* ---- the table ---- */

double
run_rate(const Run *run)
{
	return run->elapsed > 0 ? run->booked / run->elapsed : 0;
}

void
report_table(const Run *runs, int count)
{
	char		n[8][32];

	printf("%-13s %9s %9s %9s %9s %7s %8s %11s %8s %8s %8s %8s %6s\n", "strategy", "sold", "capacity", "oversold", "refused", "errors",
		   "retries", "bookings/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "trips");
	for (const Run *run = runs; run < runs + count; run++)
	{
		if (run->note != NULL)
		{
			printf("%-13s %s%.*s%s\n", run->strategy->name, DIM, (int) strcspn(run->note, "\n"), run->note, PLAIN);
			continue;
		}
		printf("%-13s %9s %9s ", run->strategy->name, grouped(run->units_sold, n[0], sizeof(n[0])),
			   run->capacity < 0 ? "-" : grouped(run->capacity, n[1], sizeof(n[1])));
		printf("%s%9s%s ", run->oversold > 0 ? RED : "", grouped(run->oversold, n[0], sizeof(n[0])), run->oversold > 0 ? PLAIN : "");
		printf("%9s %7s %8s %11s %8s %8s %8s %8s %6.2f\n",
			   grouped(run->refused, n[0], sizeof(n[0])), grouped(run->failed + run->gave_up, n[1], sizeof(n[1])),
			   grouped(run->retries, n[2], sizeof(n[2])), grouped(run_rate(run), n[3], sizeof(n[3])),
			   in_ms(histogram_percentile(&run->latency, 50), n[4], sizeof(n[4])),
			   in_ms(histogram_percentile(&run->latency, 95), n[5], sizeof(n[5])),
			   in_ms(histogram_percentile(&run->latency, 99), n[6], sizeof(n[6])),
			   in_ms(run->latency.max / 1e6, n[7], sizeof(n[7])),
			   run->booked > 0 ? (double) run->trips / run->booked : 0.0);
	}
	for (const Run *run = runs; run < runs + count; run++)
	{
		for (int i = 0; i < run->error_count; i++)
			printf("%s%s: %s times %s: %s%s\n", DIM, run->strategy->name,
				   grouped(run->errors[i].count, n[0], sizeof(n[0])), run->errors[i].sqlstate, run->errors[i].message, PLAIN);
		if (run->note == NULL && run->units_sold != run->booked_units && run->error_count == 0)
			printf("%s: the clients were promised %" PRId64 ", the table has %" PRId64 "\n", run->strategy->name,
				   run->booked_units, run->units_sold);
	}
	bars(runs, count);
}

static void
bars(const Run *runs, int count)
{
	double		best = 0;
	char		rate[32];

	for (const Run *run = runs; run < runs + count; run++)
		if (run->note == NULL && run_rate(run) > best)
			best = run_rate(run);
	if (best <= 0)
		return;
	printf("\nbookings/s\n");
	for (const Run *run = runs; run < runs + count; run++)
	{
		if (run->note != NULL)
			continue;
		printf("%-13s %s", run->strategy->name, run->oversold > 0 ? RED : "");
		bar(run_rate(run) / best, 60);
		printf("%s %s%s\n", run->oversold > 0 ? PLAIN : "", grouped(run_rate(run), rate, sizeof(rate)), verdict(run));
	}
	printf("\n");
}

static void
bar(double share, int width)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int			length = (int) (share * width * 8 + 0.5);

	for (int i = 0; i < length / 8; i++)
		printf("█");
	printf("%s", length == 0 ? "▏" : eighths[length % 8]);
}

static const char *
verdict(const Run *run)
{
	static char text[64];
	char		number[32];

	if (run->oversold > 0)
		snprintf(text, sizeof(text), "  oversold by %s%s", grouped(run->oversold, number, sizeof(number)),
				 run->strategy->promise == NO_CHECK ? " (does not check)" : "");
	else
		snprintf(text, sizeof(text), "%s", run->strategy->promise == NO_CHECK ? "  (does not check)" : "");
	return text;
}

/* ---- files ---- */

bool
report_csv(const char *path, const Run *runs, int count, const Machine *machine)
{
	FILE	   *out = fopen(path, "a");
	Field		fields[MAX_FIELDS];

	if (out == NULL)
		return false;
	fseek(out, 0, SEEK_END);
	for (int r = 0; r < count; r++)
	{
		int			n = fields_of(&runs[r], machine, fields);

		if (r == 0 && ftell(out) == 0)
			for (int i = 0; i < n; i++)
				fprintf(out, "%s%s", fields[i].name, i < n - 1 ? "," : "\n");
		for (int i = 0; i < n; i++)
		{
			if (fields[i].is_text)
			{
				fputc('"', out);
				for (const char *p = fields[i].value; *p != '\0'; p++)
					fprintf(out, *p == '"' ? "\"\"" : "%c", *p == '\n' ? ' ' : *p);
				fputc('"', out);
			}
			else
				fputs(fields[i].value, out);
			fputc(i < n - 1 ? ',' : '\n', out);
		}
	}
	return fclose(out) == 0;
}

bool
report_json(const char *path, const Run *runs, int count, const Machine *machine)
{
	FILE	   *out = fopen(path, "w");
	Field		fields[MAX_FIELDS];

	if (out == NULL)
		return false;
	for (int r = 0; r < count; r++)
	{
		int			n = fields_of(&runs[r], machine, fields);

		fputs(r == 0 ? "[\n  {" : ",\n  {", out);
		for (int i = 0; i < n; i++)
		{
			fprintf(out, "%s\n    \"%s\": ", i > 0 ? "," : "", fields[i].name);
			if (!fields[i].is_text)
			{
				fputs(fields[i].value[0] ? fields[i].value : "null", out);
				continue;
			}
			fputc('"', out);
			for (const char *p = fields[i].value; *p != '\0'; p++)
				if (*p == '"' || *p == '\\')
					fprintf(out, "\\%c", *p);
				else if ((unsigned char) *p < ' ')
					fprintf(out, "\\u%04x", *p);
				else
					fputc(*p, out);
			fputc('"', out);
		}
		fputs("\n  }", out);
	}
	fputs("\n]\n", out);
	return fclose(out) == 0;
}

static int
fields_of(const Run *run, const Machine *machine, Field *fields)
{
	static const char *const promises[] = {"safe", "oversells", "no check"};
	static const int percents[] = {1, 5, 25, 50, 75, 90, 95, 99};
	const Sizes *sizes = &run->sizes;
	const Settings *settings = run->settings;
	int			n = 0;
	char		errors[8 * 32] = "";

	for (int i = 0; i < run->error_count; i++)
		snprintf(errors + strlen(errors), sizeof(errors) - strlen(errors), "%s%s x %" PRId64,
				 i > 0 ? ", " : "", run->errors[i].sqlstate, run->errors[i].count);

	put(fields, &n, "label", true, "%s", settings->label);
	put(fields, &n, "started", true, "%s", machine->started);
	put(fields, &n, "commit", true, "%s", machine->commit);
	put(fields, &n, "machine", true, "%s, %s, %s", machine->cpu, machine->memory, machine->kernel);
	put(fields, &n, "cpus", false, "%d", machine->cpus);
	put(fields, &n, "postgresql", true, "%s", machine->server);
	put(fields, &n, "booking", true, "%s", machine->extension);
	put(fields, &n, "redis", true, "%s", machine->redis);
	put(fields, &n, "settings", true, "%s", machine->settings);
	put(fields, &n, "scenario", true, "%s", run->scenario->name);
	put(fields, &n, "strategy", true, "%s", run->strategy->name);
	put(fields, &n, "promise", true, "%s", promises[run->strategy->promise]);
	put(fields, &n, "clients", false, "%d", sizes->clients);
	put(fields, &n, "things", false, "%d", sizes->things);
	put(fields, &n, "capacity_each", false, "%d", sizes->capacity);
	put(fields, &n, "quantity", true, "%d..%d", sizes->quantity.low, sizes->quantity.high);
	put(fields, &n, "think_ms", false, "%g", settings->think_ms);
	put(fields, &n, "network_ms", false, "%g", settings->network_ms);
	put(fields, &n, "commit_delay_ms", false, "%g", settings->commit_delay_us / 1000.0);
	put(fields, &n, "isolation", true, "%s", settings->isolation);
	put(fields, &n, "client_settings", true, "%s", settings->server_settings);
	put(fields, &n, "seed", false, "%" PRIu64, settings->seed);
	put(fields, &n, "seconds", false, "%.3f", run->elapsed);
	put(fields, &n, "sold_out", false, "%d", run->capacity >= 0 && run->ended == 0);
	put(fields, &n, "sold", false, "%" PRId64, run->units_sold);
	if (run->capacity >= 0)
		put(fields, &n, "capacity", false, "%" PRId64, run->capacity);
	else
		put(fields, &n, "capacity", false, "%s", "");
	put(fields, &n, "oversold", false, "%" PRId64, run->oversold);
	put(fields, &n, "booked", false, "%" PRId64, run->booked);
	put(fields, &n, "refused", false, "%" PRId64, run->refused);
	put(fields, &n, "walked_away", false, "%" PRId64, run->walked_away);
	put(fields, &n, "errors", false, "%" PRId64, run->failed + run->gave_up);
	put(fields, &n, "retries", false, "%" PRId64, run->retries);
	put(fields, &n, "bookings_per_s", false, "%.1f", run_rate(run));
	put(fields, &n, "answers_per_s", false, "%.1f", run->elapsed > 0 ? run->latency.count / run->elapsed : 0.0);
	for (int i = 0; i < (int) (sizeof(percents) / sizeof(percents[0])); i++)
	{
		char		name[32];

		snprintf(name, sizeof(name), "p%d_ms", percents[i]);
		put(fields, &n, name, false, "%.4f", histogram_percentile(&run->latency, percents[i]));
	}
	put(fields, &n, "max_ms", false, "%.4f", run->latency.max / 1e6);
	put(fields, &n, "trips_per_booking", false, "%.3f", run->booked > 0 ? (double) run->trips / run->booked : 0.0);
	put(fields, &n, "wal_bytes_per_booking", false, "%.0f", run->wal_bytes);
	put(fields, &n, "disk_bytes_per_booking", false, "%.0f", run->disk_bytes);
	put(fields, &n, "client_cpu_s", false, "%.3f", run->client_cpu);
	put(fields, &n, "errors_by_sqlstate", true, "%s", errors);
	put(fields, &n, "note", true, "%s", run->note ? run->note : "");
	return n;
}

static void
put(Field *fields, int *count, const char *name, bool is_text, const char *format,...)
{
	static char names[MAX_FIELDS][32];
	Field	   *field = &fields[*count];
	va_list		arguments;

	snprintf(names[*count], sizeof(names[*count]), "%s", name);
	field->name = names[*count];
	field->is_text = is_text;
	va_start(arguments, format);
	vsnprintf(field->value, sizeof(field->value), format, arguments);
	va_end(arguments);
	(*count)++;
}

/* ---- words and numbers ---- */

/*
 * 1234567 is 1,234,567.
 */
static const char *
grouped(int64_t number, char *text, size_t size)
{
	char		digits[24];
	int			length = snprintf(digits, sizeof(digits), "%" PRId64, number);
	size_t		n = 0;

	for (int i = 0; i < length && n + 2 < size; i++)
	{
		text[n++] = digits[i];
		if ((length - i - 1) % 3 == 0 && i < length - 1 && isdigit((unsigned char) digits[i]))
			text[n++] = ',';
	}
	text[n] = '\0';
	return text;
}

static const char *
in_ms(double milliseconds, char *text, size_t size)
{
	snprintf(text, size, "%.*f", milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0, milliseconds);
	return text;
}

static const char *
in_words(const Settings *settings)
{
	static char text[300];
	size_t		n = 0;

	n += snprintf(text, sizeof(text), "commits %s", settings->commit_delay_us > 0 ? "delayed by " : "as fast as the disk");
	if (settings->commit_delay_us > 0)
		n += snprintf(text + n, sizeof(text) - n, "%g ms", settings->commit_delay_us / 1000.0);
	if (settings->network_ms > 0)
		n += snprintf(text + n, sizeof(text) - n, ", network %g ms", settings->network_ms);
	if (settings->think_ms > 0)
		n += snprintf(text + n, sizeof(text) - n, ", think time %g ms", settings->think_ms);
	if (strcmp(settings->isolation, "read-committed") != 0)
		n += snprintf(text + n, sizeof(text) - n, ", %s", settings->isolation);
	if (settings->server_settings[0] != '\0')
		snprintf(text + n, sizeof(text) - n, ", %s", settings->server_settings);
	return text;
}

static void
first_line_of(const char *command, char *text, size_t size)
{
	FILE	   *pipe = popen(command, "r");

	if (pipe == NULL)
		return;
	if (fgets(text, size, pipe) == NULL)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	while (fgetc(pipe) != EOF)
		;
	pclose(pipe);
}

static void
setting(PGconn *conn, const char *query, char *text, size_t size)
{
	PGresult   *result = PQexec(conn, query);

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		snprintf(text, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
}

static bool
in_color(void)
{
	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}
