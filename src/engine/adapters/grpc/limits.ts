/** Bounds of what is sent and believed. Bytes unless said otherwise. */
export const LIMITS = {
  /** Largest frame or request taken from the network. */
  frameBytes: 9 * 1024 * 1024,
  /** A frame is closed when it holds this much. */
  frameTargetBytes: 1024 * 1024,
  /** A message that is alone in its frame may be this large; larger ones are dropped by the sender. */
  messageBytes: 8 * 1024 * 1024,
  messagesPerFrame: 1_024,
  entriesPerAppend: 1_024,
  chunkBytes: 1024 * 1024,
  manifestBytes: 1024 * 1024,
  /** Characters of ids, names, addresses. */
  nameLength: 256,
  /** Pieces of a snapshot sent to a client. */
  downloadPieceBytes: 256 * 1024,
} as const;

/** Both directions notice a dead connection: a ping after 2 s of silence, given up 6 s later. */
export const KEEPALIVE = { 'grpc.keepalive_time_ms': 2_000, 'grpc.keepalive_timeout_ms': 6_000, 'grpc.keepalive_permit_without_calls': 1 } as const;

/** Options of every channel: no shared subchannels (a lane is a connection of its own), no proxies, no retries behind our back. */
export const CHANNEL_OPTIONS = {
  ...KEEPALIVE,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': LIMITS.frameBytes,
  'grpc.max_send_message_length': LIMITS.frameBytes,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc-node.flow_control_window': 1024 * 1024,
} as const;

export const SERVER_OPTIONS = {
  ...KEEPALIVE,
  'grpc.enable_channelz': 0,
  'grpc.max_receive_message_length': LIMITS.frameBytes,
  'grpc.max_send_message_length': LIMITS.frameBytes,
  'grpc.max_concurrent_streams': 4_096,
} as const;
