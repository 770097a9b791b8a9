# What of /proc and /sys a process can read and open for writing, leaving out what is a process's; nothing is written. Not for a
# privileged zone: some files act when they are opened.
# tszone run --rm --net none --mount "$PWD/bench:/bench:ro" sparse -- perl /bench/visible.pl
use strict;
use warnings;
use Fcntl;
use File::Find;

# Reading these waits, or has no end.
my $endless = qr{kcore|kmsg|vmcore|kpage|/trace};
for my $top ('/proc', '/sys') {
  my ($there, $read, @writable) = (0, 0);
  my $look = sub {
    $File::Find::prune = 1, return if m{^/proc/(\d+|self|thread-self)$};
    return unless lstat $_ and -f _;
    $there++;
    my ($in, $out, $byte);
    $read++ if $_ !~ $endless && sysopen($in, $_, O_RDONLY | O_NONBLOCK) && sysread($in, $byte, 1);
    push @writable, $_ if sysopen($out, $_, O_WRONLY | O_NONBLOCK);
  };
  { no warnings 'File::Find'; find({no_chdir => 1, wanted => $look}, $top); }
  print "$top: $there files, $read give something, ", scalar @writable, " can be opened for writing\n";
  print "  $_\n" for grep { defined } @writable[0 .. 4];
}
