# Launches services that fail, over the private socket of a manager: perl launch_failing.pl SOCKET PREFIX COUNT.
# systemd-run would take 20 ms of each processor for every one of them.
use strict;
use warnings;
use IO::Socket::UNIX;

my ($socket, $prefix, $count) = @ARGV;
my $bus = IO::Socket::UNIX->new(Peer => $socket) or die "no $socket: $!";
syswrite $bus, "\0AUTH EXTERNAL " . unpack('H*', $>) . "\r\nBEGIN\r\n";
my $accepted = '';
until ($accepted =~ /\r\n/) { sysread($bus, my $byte, 1) or die "refused"; $accepted .= $byte }

# The D-Bus specification, "Marshaling (Wire Format)".
my $message;
sub pad { my $to = shift; $message .= "\0" x (-length($message) % $to) }
sub number { pad(4); $message .= pack 'V', shift }
sub text { my $text = shift; number(length $text); $message .= "$text\0" }
sub signature { my $text = shift; $message .= pack('C', length $text) . "$text\0" }
sub array {
    my ($alignment, $fill) = @_;
    number(0);
    my $at = length($message) - 4;
    pad($alignment);
    my $start = length $message;
    $fill->();
    substr($message, $at, 4) = pack 'V', length($message) - $start;
}

my ($answers, $waiting) = ('', 0);
sub wait_for_answers {
    while ($waiting > 0) {
        sysread($bus, my $more, 65536) or die "closed";
        $answers .= $more;
        while (length($answers) >= 16) {
            my ($type, $body, $fields) = (unpack('C4VVV', $answers))[1, 4, 6];
            my $length = 16 + $fields;
            $length += -$length % 8 + $body;
            last if length($answers) < $length;
            die "a launch was refused" if $type == 3;
            $waiting-- if $type == 2;
            substr($answers, 0, $length) = '';
        }
    }
}

for my $serial (1 .. $count) {
    $message = '';
    text("$prefix$serial.service");
    text("fail");
    array(8, sub {
        text("ExecStart");
        signature("a(sasb)");
        array(8, sub { text("/bin/false"); array(4, sub { text("/bin/false") }); number(0) });
    });
    array(8, sub { });
    my $body = $message;
    $message = pack('CCCCVVV', ord('l'), 1, 0, 1, length $body, $serial, 0);
    my $start = length $message;
    for ([1, "o", "/org/freedesktop/systemd1"], [2, "s", "org.freedesktop.systemd1.Manager"],
        [3, "s", "StartTransientUnit"], [6, "s", "org.freedesktop.systemd1"]) {
        my ($field, $type, $value) = @$_;
        pad(8);
        $message .= pack 'C', $field;
        signature($type);
        text($value);
    }
    pad(8);
    $message .= pack 'C', 8;
    signature("g");
    signature("ssa(sv)a(sa(sv))");
    substr($message, 12, 4) = pack 'V', length($message) - $start;
    pad(8);
    syswrite $bus, $message . $body;
    wait_for_answers() if ++$waiting == 16;
}
wait_for_answers();
