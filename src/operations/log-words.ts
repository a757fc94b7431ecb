/**
 * The words a log may be made of. Reasons come as sentences, some of them from peers; whatever is not here is masked, so that a name, a number or a
 * path that slipped into a reason does not slip into the log. A masked word costs a reader little: codes, ids and counts are fields of their own.
 */
export const logWords: ReadonlySet<string> = new Set(
  `
a able abort aborted aborts above absent accept acceptable accepted access accession acknowledge acknowledged act added address ae
after again age alert algorithm all allocate allow allowed already altered altname an anchor and announced another answer answered
answers any application archive are arrived arrives arriving as ask asked assembled associate association associations at attempt
attempts attribute attributes authorities authority available away back backup bad bandwidth base be became because become been
before began begins behind being belong belongs below between beyond big block blocked body both bound broke broken buffer busy
but by byte bytes ca call called calling cannot capacity catalogue cause ceased cert certificate certificates chain change changed
changes channel check checkable checked checks cipher class clear client clock close closed code codec come comes command commit
commitment complete condition config configuration configured confirmed conflict congestion connect connected connecting
connection connections contained container content context contexts control coordinate copies copy corrupt could count counter
crash crashed current damaged data database dead decode decoded decoder deeply default deferred deflate deleted delimiter
delivered deliveries delivering delivery denied depth descriptor destination device devices dicom did died differ different
differs digest dimse directory disabled disconnected disk dns do does done down draining due duplicate duration during eacces
eaddrinuse eaddrnotavail eagain eai early ebusy echo econnaborted econnrefused econnreset edquot eexist ehostdown ehostunreach eio
eisdir element elements emfile empty enabled encapsulation encoding encrypted end ended ends enetdown enetunreach enfile enoent
enomem enospc enotdir enotfound enough enrolled entry envelope eperm epipe eproto erofs err error errors etimedout event evidence
examination examine examined examiner example exceeded exceeds exist existing exists exit exited expected expired expiry explicit
export failed fails failure false fast fault few file files fill filled find finished first fit fits flood folder follow followed
for forbidden foreign form format forward found fragment fragments frame frames free freed from full further gate gateway gave get
given gives gone got grammar group growing had handle handler handshake hang has have header headroom held here hexadecimal hidden
hold holds host how id identifier idle if ignored illegal image implausible implementation implicit in incoming incomplete
indefinite inflate inside instance insufficient internal interrupted interval invalid io ioerr is issuer it item items its job
journal judge judged judgement just kept key keys killed kind known large larger last late latency leaf lease leased leases left
length less level limit limits line link list listen listener listening little load local locally lock locked long longer lookup
loss lossless losslessly lossy lost low made maintenance make malformed manifest many match matching maximum may meaning memory
message messages meta migration minimum mismatch missing mode modulus more most moved much multiple must mutual name named
negative negotiated negotiation network never new next no nobody none normal not nothing notice now null number numbers object
objects occupied occurred odd of off offered offset on once one only open opened operation operations or order other our ours out
outgoing outside over overflow own package padding parameter parent parse parsed parser part partial password path pause pdu pdus
pdv pdvs peer peers pending permission permissions permitted pin pinned pipe pixel pixels place plain policy pool port possible
postgres preamble prefix prepared present presentation previous private problem problems process processing proposed protocol
proven provider purged put quarantine queue quota raised range rate read reading readonly ready reason received receiver receiving
recognised record recorded records recovered recovery reference refusal refused rejected rejection release released reload
reloaded remains removed renamed repeated replaced reply request requested required resent reserved reset resolved resource
resources respond response restarted restored result results resume retire retired retried retrieve retry returned revocation
revoked role root round row rows rule run running same save scheduled seal sealable sealed sealing second seconds secret seed
segment segments self send sender sending sends sent separate sequence serial serve server service session set several short
should shut shutdown sign signal signature signed signer silent since site size slot slots slow slower smaller so socket software
some soon sop source sources space specified spool spooled sqlite ssl stale start started starting starts state statement status
still stop stopped stopping storage store stored stores storing stream string structure succeeded success such superseded
supported suspended suspicious syntax syntaxes system table tag taken takes target temporarily temporary text than that the their
them then there these they this thread through time timed timeout timeouts timer times title tls tlsv tlsv1 to together token
tolerated too total trailing transaction transcoded transfer transient transport tried truncated trust trusted try twice two type
uid uids unable unavailable uncaught under unexpected unfinished unhandled unit unknown unlock unreachable unreadable unrecognised
unreserved unsealed unsupported until untrusted unusable unused up update upper us usable usage use used user using valid
validation value values verdict verification verified verify version very view violated violation vr wait waited waiting waits
want wanted warning was watermark way weak were what when where whether which while whole why will with within without words work
worker workers would writable write writer writing written wrong yes yet zero
`
    .trim()
    .split(/\s+/),
);
