# A phone or voice server made of Net::SIP, driven by lines on standard input:
#   call URI | bye | hold | resume | refer URI | auto on | auto off | quit
#   consult URI (a second call, the first on hold) | complete (joins the two)
# It prints one line for each thing that happens.
use strict;
use warnings;
use Net::SIP qw(:all);
use Net::SIP::Dispatcher::Eventloop;

$| = 1;
my ($user, $password, $domain, $local, $proxy, $register) = @ARGV;
my $auto = 1;
my ($call, $state) = (undef, 'idle');
my ($first, $second);	# of an attended transfer: the call on hold, the 200 of the other

my $ua = Net::SIP::Simple->new(
	from => "sip:$user\@$domain", contact => "sip:$user\@$local", domain => $domain, leg => $local,
	outgoing_proxy => $proxy, registrar => $proxy, auth => [ $user, $password ],
) or die "no user agent";
my $endpoint = $ua->{endpoint};

sub say_it { print "EVENT @_\n" }

# quiet answers the SDP of both sides without sending audio.
sub quiet { return sub { 1 } }

sub over {
	my ($ended, @how) = @_;
	say_it("ended", @how);
	if ($first && $ended && $ended == $first) { $first = undef }
	else { ($call, $state) = ($first, $first ? 'talking' : 'idle'); $first = undef }
}

sub begin {
	my $new = shift;
	$call = $new;
	$call->set_param(recv_bye => sub { over($new, "by the far end") }, send_bye => sub { over($new, "by us") },
		cb_notify => sub {
			my ($self, $packet) = @_;
			my ($code) = ($packet->as_parts)[3] =~ /SIP\/2\.0 (\d+)/;
			say_it("notified", $code // "nothing");
		});
}

sub register { # again before it ends
	$ua->register(expires => 60, cb_final => sub {
		my ($what, %info) = @_;
		say_it("registered", $what, $info{code} // '');
	});
	$ua->add_timer(25, \&register);
}
register() if $register;

# Everything outside a dialog.
$ua->listen(
	filter => sub { 1 },
	init_media => quiet(),
	cb_create => sub {
		my ($new, $request) = @_;
		say_it("incoming", $request->get_header('from'));
		begin($new);
		$state = 'ringing';
		return 1;
	},
	cb_invite => sub {
		my ($self, $request) = @_;
		return $request->create_response('180', 'Ringing') if !$auto && $state eq 'ringing';
		say_it("offer", $request->as_string =~ /a=(sendonly|inactive)/ ? "hold" : "talk") if $state eq 'talking';
		return;
	},
	cb_established => sub {
		my ($status, $self) = @_;
		if ($state ne 'talking') { $state = 'talking'; say_it("established", $status) }
	},
);

sub dial {
	my $uri = shift;
	$state = 'calling';
	my $new = $ua->invite($uri, init_media => quiet(),
		cb_preliminary => sub { my ($self, $code) = @_; say_it("progress", $code) },
		cb_final => sub {
			my ($status, $self, %info) = @_;
			if ($status eq 'OK') { ($state, $second) = ('talking', $info{packet}); say_it("established", $status) }
			else { over($self, "with", $info{code} // 'no answer') }
		});
	return say_it("ended", "not placed") if !$new;
	begin($new);
}

# offer sends a re-INVITE with the direction given.
sub offer {
	my ($direction, $then) = @_;
	my $text = $call->get_param('sdp')->as_string;
	$text =~ s/a=(sendonly|sendrecv)\r\n//g;
	$call->reinvite(sdp => Net::SIP::SDP->new($text . "a=$direction\r\n"), media_lsocks => $call->get_param('media_lsocks'),
		cb_final => sub { my ($status) = @_; say_it("reinvite", $status); $then->() if $then && $status eq 'OK' });
}

sub refer {
	my ($to, $how) = @_;
	$to->request('REFER', undef, 'refer-to' => "<$how>", 'referred-by' => "<sip:$user\@$domain>",
		contact => "<sip:$user\@$local>",
		cb_final => sub {
			my ($status, $self, $info) = @_;
			say_it("refer", $status, $info->{code} // '');
			# The request took the dialog's callback with it; the NOTIFY wants it back.
			$self->{ctx}->set_callback([ $self->can('receive'), $self ]);
		});
}

sub complete {
	my ($id, $from, $to) = map { scalar $second->get_header($_) } qw(call-id from to);
	my ($uri) = $to =~ /<([^>;]+)/ or return say_it("no address in $to");
	my ($tag_of_us, $tag_of_them) = map { /;tag=([^;]+)/ ? $1 : '' } ($from, $to);
	my $replaces = "$id;to-tag=$tag_of_them;from-tag=$tag_of_us";
	$replaces =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord($1))/ge;
	refer($first, "$uri?Replaces=$replaces");
}

my %commands = (
	call => \&dial,
	bye => sub {
		return if !$call;
		if ($state eq 'calling') { $call->cancel(cb_final => sub { say_it("cancelled") }) }
		else { $call->bye }
	},
	hold => sub { offer('sendonly') },
	resume => sub { offer('sendrecv') },
	auto => sub { $auto = $_[0] eq 'on' },
	refer => sub { refer($call, $_[0]) },
	consult => sub { my $uri = shift; offer('sendonly', sub { $first = $call; dial($uri) }) },
	complete => \&complete,
	quit => sub { exit 0 },
);

my $rest = '';
$ua->{dispatcher}{eventloop}->addFD(\*STDIN, EV_READ, [ sub {
	sysread(STDIN, my $more, 4096) or exit 0;
	$rest .= $more;
	while ($rest =~ s/^(\S+) ?(.*)\n//) {
		my $do = $commands{$1};
		$do ? $do->($2) : say_it("unknown command $1");
	}
} ]);
say_it("ready");
$ua->loop;
