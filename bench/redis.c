/*
 * redis.c: where does the Redis of strategy "redis" come from?
 *
 * From the machine's redis-server, started for this run alone: on a Unix socket in a directory of its own, writing every command to
 * disk before it answers (appendfsync always), so that both stores promise the same. It ends with this program, however that ends.
 * Built without hiredis, or on a machine without redis-server, the strategy says that it cannot take part.
 */
#include "race.h"

#ifndef HAVE_HIREDIS

bool
redis_start(void)
{
	return false;
}

void
redis_stop(void)
{
}

bool
redis_connect(Client *c)
{
	(void) c;
	return false;
}

void
redis_disconnect(Client *c)
{
	(void) c;
}

int64_t
redis(Client *c, const char *format,...)
{
	(void) c;
	(void) format;
	return 0;
}

void
redis_now(const char *format,...)
{
	(void) format;
}

#else

#include <hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_server(void);
static int64_t number_in(const redisReply *reply);
static void fail(Client *c, const char *message);

static pid_t server;
static char directory[64];
static char path[96];
static redisContext *setup;		/* a connection of our own, for redis_now() */

bool
redis_start(void)
{
	if (server > 0)
	{
		redis_now("FLUSHALL");
		return true;
	}
	snprintf(directory, sizeof(directory), "/tmp/race_redis_XXXXXX");
	if (mkdtemp(directory) == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/socket", directory);

	server = fork();
	if (server == 0)
		run_server();
	for (int tries = 0; server > 0 && tries < 500; tries++)
	{
		setup = redisConnectUnix(path);
		if (setup != NULL && setup->err == 0)
			return true;
		if (setup != NULL)
			redisFree(setup);
		setup = NULL;
		if (waitpid(server, NULL, WNOHANG) == server)
			server = 0;
		usleep(10000);
	}
	redis_stop();
	return false;
}

void
redis_stop(void)
{
	char		command[128];

	if (setup != NULL)
		redisFree(setup);
	setup = NULL;
	if (server > 0)
	{
		kill(server, SIGKILL);	/* nothing in it is worth a clean shutdown */
		waitpid(server, NULL, 0);
	}
	server = 0;
	if (directory[0] != '\0')
	{
		snprintf(command, sizeof(command), "rm -rf '%s'", directory);
		if (system(command) != 0)
			fprintf(stderr, "race: could not remove %s\n", directory);
	}
	directory[0] = '\0';
}

bool
redis_connect(Client *c)
{
	c->redis = redisConnectUnixNonBlock(path);
	if (c->redis != NULL && c->redis->err == 0)
		return true;
	snprintf(c->message, sizeof(c->message), "redis: %s", c->redis ? c->redis->errstr : "out of memory");
	return false;
}

void
redis_disconnect(Client *c)
{
	if (c->redis != NULL)
		redisFree(c->redis);
	c->redis = NULL;
}

int64_t
redis(Client *c, const char *format,...)
{
	va_list		arguments;
	int			sent = 0;
	void	   *reply = NULL;
	int64_t		number;

	client_about_to_send(c);	/* after a failed statement too: that is what compensation is for */
	va_start(arguments, format);
	redisvAppendCommand(c->redis, format, arguments);
	va_end(arguments);
	while (!sent)
		if (redisBufferWrite(c->redis, &sent) != REDIS_OK)
		{
			fail(c, c->redis->errstr);
			return 0;
		}
	while (reply == NULL)
	{
		loop_wait_readable(c->redis->fd);
		if (redisBufferRead(c->redis) != REDIS_OK || redisGetReplyFromReader(c->redis, &reply) != REDIS_OK)
		{
			fail(c, c->redis->errstr);
			return 0;
		}
	}
	if (((redisReply *) reply)->type == REDIS_REPLY_ERROR)
		fail(c, ((redisReply *) reply)->str);
	number = number_in(reply);
	freeReplyObject(reply);
	return number;
}

void
redis_now(const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	freeReplyObject(redisvCommand(setup, format, arguments));
	va_end(arguments);
}

static void
run_server(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);	/* Ctrl-C is for us */
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", directory, "--save", "",
		   "--appendonly", "yes", "--appendfsync", "always", "--maxclients", "1100",
		   "--logfile", "/dev/null", "--daemonize", "no", (char *) NULL);
	_exit(127);
}

static int64_t
number_in(const redisReply *reply)
{
	switch (reply->type)
	{
		case REDIS_REPLY_INTEGER:
			return reply->integer;
		case REDIS_REPLY_NIL:
		case REDIS_REPLY_ERROR:
			return 0;
		default:
			return 1;
	}
}

static void
fail(Client *c, const char *message)
{
	snprintf(c->failed, sizeof(c->failed), "REDIS");
	snprintf(c->message, sizeof(c->message), "%s", message);
}

#endif
