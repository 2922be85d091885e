# mutate.pl: reads the lists of faults in t/mutants/, and plants one of them.
#
#   perl mutate.pl list LIST...              a line for each: NAME, tests, title; tabs between
#   perl mutate.pl check ROOT LIST...        which of them cannot be planted below ROOT
#   perl mutate.pl apply NAME ROOT LIST...   plants one in the sources below ROOT
#
# A list is text: paragraphs with blank lines between, comments after #.
#
#   name: what goes wrong
#   tests: those that should notice, separated by blanks
#   in: src/base/locks.c
#   - what stands there
#   + what is to stand there instead
#
# "in" may name several files, with * and ?; without it, all C files below src/ are meant.
# Blanks and line ends are alike, so that a line may be broken elsewhere.  "..." stands for
# anything, as little as possible, and for the same in the text that replaces it.  The text
# has to be there exactly once in all of these files together.  "in", "-" and "+" may come
# again, for a fault that needs two places.

use strict;
use warnings FATAL => 'all';

my ($what, @arguments) = @ARGV;

if (($what // '') eq 'list')
{
	print join("\t", $_->{name}, $_->{tests}, $_->{title}), "\n" foreach read_lists(@arguments);
}
elsif (($what // '') eq 'check')
{
	my ($root, @lists) = @arguments;
	my %count = (passed => 0, failed => 0);

	foreach my $mutant (read_lists(@lists))
	{
		my $planted = eval { find($root, $_) foreach @{ $mutant->{edits} }; 1 };

		$count{ $planted ? 'passed' : 'failed' }++;
		print "$mutant->{name}: $@\n" unless $planted;
	}
	print "$count{passed} passed, $count{failed} failed\n";
	exit($count{failed} > 0);
}
elsif (($what // '') eq 'apply')
{
	my ($name, $root, @lists) = @arguments;
	my ($mutant) = grep { $_->{name} eq $name } read_lists(@lists);

	die "there is no mutant $name\n" unless $mutant;
	apply($root, $_) foreach @{ $mutant->{edits} };
}
else
{
	die "mutate.pl list LIST... | check ROOT LIST... | apply NAME ROOT LIST...\n";
}

sub read_lists
{
	my @mutants;
	my %seen;

	foreach my $file (@_)
	{
		my $text = slurp($file);

		$text =~ s/^#.*\n//mg;
		push @mutants, map { read_mutant($_) } grep { /\S/ } split /\n{2,}/, $text;
	}
	foreach my $mutant (@mutants)
	{
		die "two mutants are called $mutant->{name}\n" if $seen{ $mutant->{name} }++;
	}
	return @mutants;
}

sub read_mutant
{
	my ($first, @lines) = grep { /\S/ } split /\n/, shift;
	my %mutant = (edits => []);
	my $files = 'src/*.c src/*/*.c';
	my $last = '';

	$first =~ /^([a-z0-9-]+): (.+)/ or die "not a mutant's name and title: $first\n";
	@mutant{ 'name', 'title' } = ($1, $2);
	foreach my $line (@lines)
	{
		my $edit = $mutant{edits}[-1];

		if ($line =~ /^tests: (.+)/)
		{
			$mutant{tests} = $1;
		}
		elsif ($line =~ /^in: (.+)/)
		{
			$files = $1;
		}
		elsif ($line =~ /^- (.+)/)
		{
			push @{ $mutant{edits} }, $edit = { files => $files, old => '', new => '' } if $last ne '-';
			$edit->{old} .= "$1\n";
		}
		elsif ($line =~ /^\+ ?(.*)/ && $edit)
		{
			$edit->{new} .= "$1\n";
		}
		else
		{
			die "$mutant{name}: not understood: $line\n";
		}
		$last = substr($line, 0, 1);
	}
	die "$mutant{name}: without tests, or without a change\n"
	  unless $mutant{tests} && @{ $mutant{edits} };
	return \%mutant;
}

# Words of the code with any blanks between; "..." is a group.
sub pattern
{
	my @words = map { $_ eq '...' ? '(.*?)' : quotemeta } split ' ', shift;

	return join('\s*', @words);
}

# The one file in which the text stands once.
sub find
{
	my ($root, $edit) = @_;
	my $pattern = pattern($edit->{old});
	my @found;

	foreach my $file (map { glob("$root/$_") } split ' ', $edit->{files})
	{
		next unless -f $file;
		my $n = () = slurp($file) =~ /$pattern/sg;
		push @found, ($file) x $n;
	}
	die "this is there " . @found . " times and not once in $edit->{files}:\n$edit->{old}"
	  if @found != 1;
	return $found[0];
}

sub apply
{
	my ($root, $edit) = @_;
	my $file = find($root, $edit);
	my $pattern = pattern($edit->{old});
	my $text = slurp($file);

	$text =~ s{$pattern}{
		my @groups = map { substr($text, $-[$_], $+[$_] - $-[$_]) } 1 .. $#-;
		my $new = $edit->{new};

		$new =~ s/(?<!\S)\.\.\.(?!\S)/shift(@groups) \/\/ '...'/eg;
		$new
	}se;
	open(my $out, '>', $file) or die "$file: $!\n";
	print $out $text;
	close $out or die "$file: $!\n";
	return;
}

sub slurp
{
	my ($file) = @_;

	open(my $in, '<', $file) or die "$file: $!\n";
	local $/ = undef;
	return <$in>;
}
