# Reads TAP from standard input as `prove` does, and writes one JSON-like line a test, tab-separated.
use strict;
use warnings;
use TAP::Parser;

binmode STDIN,  ':encoding(UTF-8)';
binmode STDOUT, ':encoding(UTF-8)';
my $parser = TAP::Parser->new({ tap => do { local $/; <STDIN> } });
while (my $result = $parser->next) {
    next unless $result->is_test;
    print join("\t",
        $result->is_actual_ok ? 'ok' : 'not ok', $result->is_ok ? 'good' : 'bad',
        $result->directive || '-', $result->description, $result->explanation // ''), "\n";
}
print join("\t", 'end', $parser->version, $parser->plan, $parser->has_problems ? 'bad' : 'good',
    $parser->parse_errors), "\n";
