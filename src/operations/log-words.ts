/**
 * The words a log may be made of. Reasons come as sentences, some of them from peers; whatever is not here is masked, so that a name, a number or a
 * path that slipped into a reason does not slip into the log. A masked word costs a reader little: codes, ids and counts are fields of their own.
 */
export const logWords: ReadonlySet<string> = new Set(
  `
a able abort aborted aborts above absent abstract ac accept acceptable acceptance accepted access accession acknowledge
acknowledged act add added address admits ae after again age alert algorithm all allocate allow allowed alone already altered
altname an anchor and announced another answer answered answers any application approve archive are argument arrival arrived
arrives arriving as ask asked assembled associate association associations at attempt attempts attribute attributes authorised
authorities authority available away back backup bad bandwidth base be became because become been before began begins behind being
belong belongs below between beyond big bits blank block blocked body both bound broke broken buffer busy but by byte bytes ca
call called calling came can cannot capacity catalogue cause ceased cert certificate certificates chain change changed changes
channel character characters check checkable checked checks cipher claim claims class clear client clock close closed code codec
codestream coerced come comes command commit commitment committed common complete completed condition config configuration
configured confirmed conflict congestion connect connected connecting connection connections contained container content context
contexts control coordinate copies copy corrupt could count counter crash crashed current cut damaged data database dead decode
decoded decoder deeply default deferred deflate deleted delimiter delivered deliveries delivering delivery denied depth descriptor
destination device devices dicom did died differ different differs digest digits dimse directory disabled discarded disconnected
disk dns do does done down drain draining due duplicate durable duration during eacces each eaddrinuse eaddrnotavail eagain eai
early ebusy echo econnaborted econnrefused econnreset edquot eexist ehostdown ehostunreach eio eisdir element elements emfile
empty enabled encapsulation encoding encrypted end ended ends enetdown enetunreach enfile enforced enoent enomem enospc enotdir
enotfound enough enrolled entry envelope environment eperm epipe eproto erofs err error errors etimedout event every evidence
examination examine examined examiner examining example exceeded exceeds exist existing exists exit exited expected expired expiry
explicit export extended facts failed fails failure false fast fault few field fields file files fill filled find findings
finished first fit fits flood folder follow followed for forbidden foreign form format forward found fragment fragments frame
frames free freed from fsync full further gate gateway gave get gib given gives gone got grammar group growing had handle handler
handshake hang has have header headroom held here hexadecimal hidden hold holds host how id identifier identity idle ids if
ignored illegal image immediate implausible implementation implicit in incoming incomplete indefinite index inflate inflated
information inside instance instead insufficient internal interrupted interval invalid invocation io ioerr is issuer it item items
its job journal judge judged judgement just kept key keys kib killed kind known knows large larger last late latency leaf lease
leased leases least left length less level limit limitation limits line link list listed listen listener listening little load
local locally location lock locked long longer lookup loss lossless losslessly lossy lost low machine made maintenance make makes
malformed manifest many match matching maximum may meaning memory message messages meta mib migration min minimum mismatch missing
mistyped modality mode modulus more most moved ms much multiple must mutual name named names nearly needs negative negotiated
negotiation neither nested network networks never new newer next no nobody none nor normal not nothing notice now nul null number
numbers object objects occupied occurred odd of off offered offset on once one only open opened operation operations or order
other our ours out outgoing outside over overflow overwrite own owner package padding page parameter parent parse parsed parser
part partial password path pause payload pdu pdus pdv pdvs peer peers pem pending permanently permission permissions permitted
person pin pinned pipe pixel pixels place plain policy pool port possible postgres postgresql preamble prefix prepared present
presentation previous printable private problem problems process processing program proposed protocol proven provider purged put
quarantine queue quota quotas raised range rate reached read readable reading readonly ready reason receipt received receiver receiving
recognised recognized record recorded records recovered recovery reference refusal refused regular rejected rejection related
release released releases reload reloaded remains remove removed renamed renew repeated replaced reply request requested requests
required resent reserved reset resolved resource resources respond response restart restarted restored result results resume
retire retired retried retrieve retry returned revocation revoked rj role roles room root round row rows rq rule run running same
sample save say says scanseal scheduled schema scp scu seal sealable sealed sealing second seconds secret seed segment segments
select self send sender sending sends sent separate sequence serial series serve server service session set settle several sha
short shorter should show shut shutdown sign signal signature signed signer silent since single site size slot slots slow slower
smaller so socket software some soon sop source sources space spaces special specified spool spooled sqlite sqlstate ssl stale
stands start started starting starts state statement status stays still stop stopped stopping stops storage store stored stores
storing stream string structure study subject succeeded success such suitable superseded supported suspended suspicious synced
syntax syntaxes system table tag tags take taken takes target tell tells temporarily temporary text texts than that the their them
then there these they this those thread threads through time timed timeout timeouts timer times title tls tlsv tlsv1 to together
token tolerate tolerated too took total trailing transaction transcoded transfer transient transparent transport tried tries
truncated trust trusted try turned twice two type uid uids unable unavailable uncaught under understand unexpected unfinished
unhandled unit unknown unless unlock unreachable unreadable unrecognised unrecognized unreserved unsealed unsuccessful unsupported
until untrusted unusable unused up update upper url us usable usage use used user users using utf valid validation value values
variable verdict verification verified verify version very view violated violation vr wait waited waiting waits want wanted
warning was watermark way we weak were what when where whether which while who whole whose why will wish with within without words
work worker workers would wrapper writable write writer writes writing written wrong x509 yaml yes yet you zero
3d000 28p01 57p01 57p03 aetitle aetitles create destinations duplicated hba.conf indent indentation lets listeners lists mapping
mappings must networks nobody observe own pg intact restorable shows spoolsize stripped starting tabs tolerates warn aliases backslash circle enforce entries go ip log machines meets people sees whoever word
admission derived disagree equivocation older opening original proof reader readers receipts refers stamp staging unchanged lies list much notices
alerts audit dicomweb mail smtp starttls transparency webhook emergency oldest sealer worklist passphrase hour day sweep sweeps swept sentinel look looked looks study studies
`
    .trim()
    .split(/\s+/),
);
