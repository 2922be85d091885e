-- The extension, a role for the server of the pages that may book and nothing else, and notifications at each commit.
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS booking CASCADE;
SELECT format('CREATE ROLE pages LOGIN') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pages')
\gexec
SELECT booking.grant_access('pages', 'book');
SELECT format('ALTER DATABASE %I SET booking.notify = %L', current_database(), 'commit')
\gexec
