/**
 * Every limit on remote input, in one place, with units. What a federation may set stands in its parameters
 * (see federation.ts) and is bounded here.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The limits. A name ends in its unit; a plain name counts things. */
export const LIMITS = {
  // Codec
  /** Nesting of CBOR values; the formats need 8. */
  cborDepth: 16,
  /** Array elements, map keys and map values in one message: an empty map takes a byte here and 200 in memory. */
  cborItems: 1 << 17,

  // Transactions
  /** A description, in UTF-8. */
  descriptionBytes: 256,
  /** References in apply-before and apply-after, each. */
  references: 64,
  /** Largest `maxTransactionBytes` that a federation may set. */
  transactionBytesCeiling: 16 * MIB,
  /** How far ahead of a block's time a transaction's timestamp may be. */
  timestampAheadMs: 5 * MINUTE,
  /** Key wraps in an encryption envelope: recipient, sender, reading keys. */
  envelopeWraps: 8,
  /** Content once decompressed. */
  contentBytes: 64 * MIB,
  /** A content map's text fields (type, name), in UTF-8. */
  contentTextBytes: 255,
  /** A file name, or one segment of a path, in content. */
  fileNameBytes: 255,
  /** Segments in a path in content. */
  filePathDepth: 16,
  /** Window that a zstd frame may ask its reader to keep; what RFC 8878 §3.1.1.1.2 wants every decoder to have. */
  zstdWindowBytes: 8 * MIB,
  /** Files in a tar content. */
  tarEntries: 4096,

  // Federations and blocks
  /** Members of a federation. */
  members: 400,
  /** A federation document's encoding. */
  federationBytes: 4 * MIB,
  /** An X.509 certificate in DER. */
  x509Bytes: 16 * KIB,
  /** A name or an address in a federation document, in UTF-8. */
  federationTextBytes: 255,
  /** Largest `roundTimeoutMaxMs` and `heartbeatMs` that a federation may set: a day. */
  federationTimerMs: 24 * 3600 * SECOND,
  /** Changes of the federation in one answer, or in a receipt. */
  federationTransitions: 1024,
  /** A bundle: a file that brings a VNF its configurations without a node. Bytes. */
  bundleBytes: 256 * MIB,
  /** A client leaves a node out for so long after an answer that did not hold. Milliseconds. */
  liarPauseMs: 10 * 60_000,
  /** Largest `maxBlockBytes` that a federation may set. */
  blockBytesCeiling: 32 * MIB,
  /** Transactions in a block. */
  blockTransactions: 4096,
  /** A value in the state tree. */
  stateValueBytes: 1 * KIB,
  /** Rounds within a height: with capped timers of 16 s, half a year. */
  rounds: 1 << 20,

  // Consensus and peers
  /** Heights ahead of ours whose messages are kept. */
  futureHeights: 2,
  /** Messages kept a member and future height. */
  futureMessages: 4,
  /** Votes of one member and height against which later ones are held; the oldest goes. */
  witnessedVotes: 16,
  /** Decided heights for which late votes are still held against those before. */
  witnessedHeights: 4,
  /** Evidence: two votes with their signatures. */
  evidenceBytes: 1 * KIB,
  /** Pieces of evidence that a node keeps against one member; the first ones stay. */
  evidencePerMember: 16,
  /** Pieces of evidence in an archive. */
  archiveEvidence: 16_384,
  /** Blocks that a compact vote is tried with. */
  compactCandidates: 4,
  /** Transactions of the pool, the oldest, that a compact proposal is searched in; each costs a hash. */
  compactSearch: 8192,
  /** Valid blocks of one height kept for a round that proposes one again. */
  heldProposals: 8,
  /** One frame between members. */
  frameBytes: 40 * MIB,
  /** A frame before the peer has proved who it is. */
  handshakeFrameBytes: 4 * KIB,
  /** Time for the whole handshake. */
  handshakeMs: 5 * SECOND,
  /** Connections on the members' port that have not yet proved who they are. */
  handshakesAtOnce: 64,
  /** Transactions in one frame; their bytes are bounded by `disseminationBytes` and the frame. */
  frameTransactions: 4096,
  /** Bytes of transactions after which a frame is sent off. */
  disseminationBytes: 4 * MIB,
  /** Frames waiting to be sent to one member. */
  peerQueueFrames: 1024,
  /** Bytes waiting to be sent to one member. */
  peerQueueBytes: 96 * MIB,
  /** Something is sent to a member at least this often. */
  peerPingMs: 2.5 * SECOND,
  /** A member from which nothing comes for so long is taken for gone. */
  peerIdleMs: 10 * SECOND,
  /** A member that was removed keeps its link for so long: what is on its way may still arrive. */
  peerPartingMs: 5 * SECOND,
  /** Pause before a member is dialed again; doubles with each failure. */
  peerBackoffMs: 100,
  /** Where the doubling ends. */
  peerBackoffMaxMs: 5 * SECOND,
  /** Events waiting for the consensus. */
  eventQueue: 65536,
  /** Blocks in one answer to a member that catches up. */
  catchUpBlocks: 256,
  /** Bytes of blocks in one answer to a member that catches up; one block always fits. */
  catchUpBytes: 16 * MIB,

  // Pool
  /** Transactions in the pool. */
  poolTransactions: 65536,
  /** Bytes in the pool. */
  poolBytes: 256 * MIB,
  /** Transactions of one sender in the pool. */
  poolTransactionsPerSender: 4096,
  /** Changes of the federation in the pool. */
  poolFederationChanges: 16,
  /** Versions ahead of the chain that the pool parks for one CID. */
  poolVersionsAhead: 256,
  /** Free space on the data directory's file system below which a node takes no transactions; votes go on. */
  diskReserveBytes: 256 * MIB,
  /** Codes of transactions that left the pool unpublished, kept for questions. */
  poolOutcomes: 16384,

  // Client API
  /** HTTP connections at once. */
  httpConnections: 1024,
  /** HTTP connections at once from one address. */
  httpConnectionsPerAddress: 512,
  /** Time for a request's headers to arrive. */
  httpHeadersMs: 10 * SECOND,
  /** Time for a whole request to arrive. */
  httpRequestMs: 60 * SECOND,
  /** Time for a client to take an answer. */
  httpAnswerMs: 60 * SECOND,
  /** A request's headers. */
  httpHeaderBytes: 16 * KIB,
  /** Bodies of all requests that arrive or are served. */
  httpBodiesBytes: 256 * MIB,
  /** All answers on their way to clients. */
  httpAnswersBytes: 256 * MIB,
  /** Answers read from the chain at once. */
  readsAtOnce: 8,
  /** Feeds in one poll. */
  pollFeeds: 256,
  /** Transactions in one poll answer. */
  pollTransactions: 256,
  /** Bytes of transactions in one poll answer; one transaction always fits. */
  pollBytes: 24 * MIB,
  /** Rows of feeds, and of versions, in one poll answer; what has more is read in pages. */
  pollRows: 4096,
  /** Bytes of links that are read backwards for one answer; a block counts as 16 KiB at least. */
  walkBytes: 32 * MIB,
  /** Rows in one page of a feed's or a configuration's history. */
  historyRows: 2048,
  /** Rows of a history that a client holds at once; of those beyond it keeps one point in so many. */
  historyRowsHeld: 4096,
  /** Bytes of poll answers that a node keeps for the same question at the same height. */
  pollCacheBytes: 16 * MIB,
  /** Configurations in one poll answer; one transaction's references always fit. */
  pollConfigurations: 256,
  /** Rows of a feed that a listing goes back. */
  listingRows: 4096,
  /** Blocks whose receipts are made from memory. */
  receiptBlocks: 16,
  /** Blocks or rows in one page of a listing. */
  pageRows: 256,
  /** How long `?wait=commit` waits. */
  waitCommitMs: 60 * SECOND,
  /** Requests that wait for a commit at once. */
  waitingRequests: 512,
  /** Tokens and addresses whose rate a node remembers. */
  rateBuckets: 65536,
  /** An HTTP answer that a client reads; twice `pollBytes`, each with one largest transaction more, must fit. */
  clientAnswerBytes: 96 * MIB,
  /** A refusal that a client reads. */
  clientRefusalBytes: 64 * KIB,
  /** A client's time for one request to one node. */
  clientRequestMs: 30 * SECOND,

  // Agent
  /** What a driver program may print before it is cut. */
  driverOutputBytes: 64 * KIB,
  /** State that an export driver may print. */
  exportBytes: 64 * MIB,
  /** Default time for one driver program. */
  driverMs: 60 * SECOND,
  /** Characters of a driver's own words in a log or a report. */
  driverDetailChars: 200,
  /** Newest configurations that an agent keeps at hand when several came at once. */
  agentCandidates: 16,
  /** Configurations that an agent names when they were superseded before it came to them. */
  agentSuperseded: 256,
  /** Requests that an agent remembers, answered ones included. */
  agentRequests: 1024,
  /** Answers that an agent asks about in one poll, and sends in one round. */
  agentAnswersAsked: 16,
  /** Times that an agent tries to make one answer. */
  agentAnswerTries: 3,
  /** Versions in an agent's quarantine; the oldest goes. */
  agentQuarantine: 256,
  /** Errors that an agent remembers; the oldest goes. */
  agentErrors: 16,
  /** Generations that an agent keeps on disk. */
  agentGenerations: 5,
  /** Longest pause of an agent between polls when they fail, unless its interval is longer. */
  agentBackoffMs: 60 * SECOND,
  /** An agent's state file. */
  agentStateBytes: 4 * MIB,

  // Operator's files
  /** A private key's file. */
  keyFileBytes: 16 * KIB,
} as const;
