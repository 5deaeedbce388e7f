/** What the variables of etcd's own client say; null where they are not set. */
export interface EtcdctlEnvironment {
  readonly endpoints: string | null;
  readonly cacert: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly user: { readonly name: string; readonly password: string } | null;
}

export function etcdctlEnvironment(env: NodeJS.ProcessEnv): EtcdctlEnvironment {
  const text = (name: string): string | null => (env[name] === undefined || env[name] === '' ? null : env[name]);
  return { endpoints: text('ETCDCTL_ENDPOINTS'), cacert: text('ETCDCTL_CACERT'), cert: text('ETCDCTL_CERT'), key: text('ETCDCTL_KEY'), user: userOf(text('ETCDCTL_USER'), text('ETCDCTL_PASSWORD')) };
}

/** `name:password`, or the password in its own variable. A name alone would be asked for at a prompt: not here. */
function userOf(user: string | null, password: string | null): EtcdctlEnvironment['user'] {
  if (user === null) return null;
  if (password !== null) return { name: user, password };
  const at = user.indexOf(':');
  return at < 0 ? null : { name: user.slice(0, at), password: user.slice(at + 1) };
}
