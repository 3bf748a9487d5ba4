package sipp

import (
	"embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed scenario/*.xml
var scenarios embed.FS

// Script is a scenario with its parameters.
type Script struct {
	Name string // file in scenario/, without .xml
	With Params
	// Loose: an answer may come while SIPp has still to send; it goes on. Any
	// other script fails on a message that it does not expect.
	Loose bool
}

// Params are the values a scenario asks for by name.
type Params map[string]string

// and returns a copy with one value more.
func (p Params) and(name, value string) Params {
	out := maps.Clone(p)
	if out == nil {
		out = Params{}
	}
	out[name] = value
	return out
}

var standard = Params{"From": "100", "To": "5000", "Pause": "300", "Status": "486 Busy Here", "Code": "486", "Extra": "", "Refer": "<sip:2001@127.0.0.1>", "Ring": "100", "Forwards": "70", "Header": "", "Pattern": "", "Without": "", "Body": ""}

// write renders the scenario into dir and returns its path.
func (s Script) write(dir, party string) (string, error) {
	t, err := template.New(s.Name+".xml").Option("missingkey=error").Funcs(messages).ParseFS(scenarios, "scenario/"+s.Name+".xml")
	if err != nil {
		return "", err
	}
	with := Params{}
	for k, v := range standard {
		with[k] = v
	}
	for k, v := range s.With {
		with[k] = v
	}
	var out strings.Builder
	out.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"" + s.Name + "\">\n")
	if err := t.Execute(&out, with); err != nil {
		return "", err
	}
	out.WriteString("</scenario>\n")
	body := strings.NewReplacer("@FROM@", with["From"], "@TO@", with["To"]).Replace(out.String())
	path := filepath.Join(dir, party+".xml")
	return path, os.WriteFile(path, []byte(body), 0o600)
}

// messages are the functions that scenarios are written with. Requests of a
// caller ("c…") use the dialog that SIPp keeps; requests of a called party
// ("s…") turn the saved From and To of the INVITE round.
var messages = template.FuncMap{
	"invite":  invite,
	"cancel":  cancel,
	"refused": refused,
	"ack":     func() string { return callerRequest("ACK", 1, "", "") },
	"request": func(method string, cseq int, extra, body string) string {
		return callerRequest(method, cseq, extra, body)
	},
	// once: not repeated, for SIPp sends nothing else until a repeated request
	// is answered.
	"once":     func(send string) string { return strings.Replace(send, ` retrans="500"`, "", 1) },
	"srequest": serverRequest,
	"server":   server,
	"reply":    func(line, extra string) string { return reply(line, ";tag=s[pid]-[call_number]", extra, "") },
	"answer":   func() string { return reply("200 OK", ";tag=s[pid]-[call_number]", "", sdp) },
	"later":    later,
	"done":     func(line string) string { return reply(line, "", "", "") },
	"agreed":   func() string { return reply("200 OK", "", "", sdp) },
	"recv": func(code string) string {
		return fmt.Sprintf("<recv response=%q rrs=\"true\"/>\n", code)
	},
	"maybe": func(code string) string { return fmt.Sprintf("<recv response=%q optional=\"true\"/>\n", code) },
	"got":   func(method string) string { return fmt.Sprintf("<recv request=%q/>\n", method) },
	"pause": func(ms string) string { return fmt.Sprintf("<pause milliseconds=%q/>\n", ms) },
	"final": final,
	"close": closing,
	"sdp":   func() string { return sdp },
}

const sdp = `v=0
o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio 40000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
`

// compose writes a send of one message. SIPp turns line ends into CRLF.
func compose(attributes, head, extra, body string) string {
	if extra != "" {
		extra = strings.TrimRight(extra, "\n") + "\n"
	}
	if body != "" {
		extra += kind(body)
	}
	return "<send" + attributes + "><![CDATA[\n" + head + extra + "Content-Length: [len]\n\n" + body + "]]></send>\n"
}

// kind names the type of a body.
func kind(body string) string {
	switch {
	case strings.HasPrefix(body, "v=0"):
		return "Content-Type: application/sdp\n"
	case strings.HasPrefix(body, "SIP/2.0"):
		return "Content-Type: message/sipfrag\n"
	case strings.HasPrefix(body, "Signal="):
		return "Content-Type: application/dtmf-relay\n"
	}
	return "Content-Type: text/plain\n"
}

// The branch of an INVITE is fixed, so that its CANCEL, the ACK of a refusal
// and a duplicate can carry the same one (RFC 3261 §9.1, §17.1.1.3).
const inviteBranch = "z9hG4bK[pid]x[call_number]i"

func opening(method string, p Params, branch, to string) string {
	forwards := "70"
	if n, ok := p["Forwards"]; ok {
		forwards = n
	}
	return method + " sip:" + p["To"] + "@[remote_ip]:[remote_port] SIP/2.0\n" +
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=" + branch + "\n" +
		"From: <sip:" + p["From"] + "@[local_ip]:[local_port]>;tag=c[pid]-[call_number]\n" +
		"To: " + to + "\n" +
		"Call-ID: [call_id]\nCSeq: 1 " + method + "\n" +
		"Max-Forwards: " + forwards + "\n"
}

func plainTo(p Params) string { return "<sip:" + p["To"] + "@[remote_ip]:[remote_port]>" }

const contact = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>\n"

func invite(p Params) string {
	return compose(` retrans="500"`, opening("INVITE", p, inviteBranch, plainTo(p))+contact, p["Extra"], sdp)
}

func cancel(p Params) string {
	return compose(` retrans="500"`, opening("CANCEL", p, inviteBranch, plainTo(p)), "", "")
}

// refused acknowledges a final that is no 2xx.
func refused(p Params) string {
	return compose("", opening("ACK", p, inviteBranch, "[$final]"), "", "")
}

// callerRequest is a request inside the dialog that the INVITE opened.
func callerRequest(method string, cseq int, extra, body string) string {
	attributes := ` retrans="500"`
	if method == "ACK" {
		attributes = ""
	}
	head := fmt.Sprintf("%s [next_url] SIP/2.0\n"+
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"+
		"From: <sip:@FROM@@[local_ip]:[local_port]>;tag=c[pid]-[call_number]\n"+
		"To: <sip:@TO@@[remote_ip]:[remote_port]>[peer_tag_param]\n"+
		"[routes]\nCall-ID: [call_id]\nCSeq: %d %s\nMax-Forwards: 70\n"+contact, method, cseq, method)
	return compose(attributes, head, extra, body)
}

// serverRequest is a request of the called party inside the dialog.
func serverRequest(method string, cseq int, extra, body string) string {
	attributes := ` retrans="500"`
	if method == "ACK" {
		attributes = ""
	}
	head := fmt.Sprintf("%s [next_url] SIP/2.0\n"+
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"+
		"From: [$to];tag=s[pid]-[call_number]\nTo: [$from]\n"+
		"[routes]\nCall-ID: [call_id]\nCSeq: %d %s\nMax-Forwards: 70\n"+contact, method, cseq, method)
	return compose(attributes, head, extra, body)
}

// reply answers the last request received.
func reply(line, tag, extra, body string) string {
	head := "SIP/2.0 " + line + "\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]" + tag + "\n" +
		"[last_Call-ID:]\n[last_CSeq:]\n" + contact
	attributes := ""
	if body != "" && tag != "" {
		attributes = ` retrans="500"` // a 200 to INVITE repeats until its ACK
	}
	return compose(attributes, head, extra, body)
}

// later answers the INVITE when another request came in between.
func later(line, body string) string {
	head := "SIP/2.0 " + line + "\nVia: [$via1]\nVia: [$via2]\nRecord-Route: [$rr1]\nFrom: [$from]\n" +
		"To: [$to];tag=s[pid]-[call_number]\nCall-ID: [call_id]\nCSeq: 1 INVITE\n" + contact
	attributes := ""
	if body != "" {
		attributes = ` retrans="500"`
	}
	return compose(attributes, head, "", body)
}

// server waits for an INVITE; an OPTIONS is answered and ends there, because
// every Call-ID is a call of its own to SIPp.
func server() string {
	return `<recv request="OPTIONS" optional="true" next="options"/>
` + invited()
}

// invited waits for an INVITE and saves what later messages need.
func invited() string {
	return `<recv request="INVITE" rrs="true"><action>
<ereg regexp="[^ ].*" search_in="hdr" header="From:" check_it="true" assign_to="from"/>
<ereg regexp="[^ ].*" search_in="hdr" header="To:" check_it="true" assign_to="to"/>
<ereg regexp="[^ ].*" search_in="hdr" header="Via:" occurrence="1" check_it="true" assign_to="via1"/>
<ereg regexp="[^ ].*" search_in="hdr" header="Via:" occurrence="2" check_it="true" assign_to="via2"/>
<ereg regexp="[^ ].*" search_in="hdr" header="Record-Route:" check_it="true" assign_to="rr1"/>
</action></recv>
`
}

// closing ends a scenario that began with server.
func closing() string {
	return `<nop next="end"/>
<label id="options"/>
` + reply("200 OK", ";tag=o[pid]-[call_number]", "", "") + `<label id="end"/>
<nop/>
<Reference variables="from,to,via1,via2,rr1"/>
`
}

// final expects a final that is no 2xx, with what Header says (Pattern) and
// without the header Without, and keeps its To for the ACK.
func final(p Params) string {
	actions, used := saveTo, "final"
	if p["Header"] != "" {
		actions += fmt.Sprintf("<ereg regexp=%q search_in=\"hdr\" header=%q check_it=\"true\" assign_to=\"some\"/>\n", p["Pattern"], p["Header"]+":")
		used += ",some"
	}
	if p["Without"] != "" {
		actions += fmt.Sprintf("<ereg regexp=\".\" search_in=\"hdr\" header=%q check_it_inverse=\"true\" assign_to=\"none\"/>\n", p["Without"]+":")
		used += ",none"
	}
	return fmt.Sprintf("<recv response=%q><action>\n%s</action></recv>\n<Reference variables=%q/>\n", p["Code"], actions, used)
}

const saveTo = `<ereg regexp="[^ ].*" search_in="hdr" header="To:" check_it="true" assign_to="final"/>
`
