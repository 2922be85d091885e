# booking: double-booking made impossible in the database itself.
#
#   make && sudo make install        build for the server that pg_config names, and install
#   make installcheck                regression and isolation tests against a running server
#   make bench                       the race (bench/README.md)
#
# tools/test does all of it, with a server of its own, in one command.

EXTENSION = booking
MODULE_big = booking
DATA = $(wildcard booking--*.sql)
PGFILEDESC = "booking - no double-booking, no overbooking"

OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c))
PG_CPPFLAGS = -I$(srcdir)/src

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=btree_gist --load-extension=booking

# A test called point-* halts a session at a point of the code, in a library that was built
# for that with "make BOOKING_TEST=1".
ISOLATION = $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
ifdef BOOKING_TEST
PG_CPPFLAGS += -DBOOKING_TEST
else
ISOLATION := $(filter-out point-%,$(ISOLATION))
endif
ISOLATION_OPTS = --load-extension=btree_gist --load-extension=booking

TAP_TESTS = 1

# Nothing is expected by a certain time, on whatever machine: only what hangs is ended.
# (180 seconds, without this, is all that a session in the background of a TAP test may last.)
export PG_TEST_TIMEOUT_DEFAULT ?= 900
export PGISOLATIONTIMEOUT ?= 900
export PGCTLTIMEOUT ?= 900

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Our own functions are found when the library is linked, not by every session that loads it.
ifeq ($(PORTNAME), linux)
override SHLIB_LINK += -Wl,-Bsymbolic
endif

# The server's own headers leave parameters of inline functions unused.
override CFLAGS += -Wno-unused-parameter

$(OBJS): $(wildcard src/*/*.h)

.PHONY: bench bench-plots
bench bench-plots:
	$(MAKE) -C bench $(patsubst bench-%,%,$(filter-out bench,$@)) PG_CONFIG=$(PG_CONFIG)
