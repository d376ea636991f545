// An OAuth 2 authorization server for tests: oidc-provider, set up as SMART Backend Services wants it.
//
// Its settings are one JSON object in the first argument. It listens on 127.0.0.1, writes what happens as JSON lines to
// standard output (the first is its issuer), answers each piece of standard input with one more, and ends with it.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const settings = JSON.parse(process.argv[2]);

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { super(...(given.length ? given : [RealDate.now() + settings.clock * 1000])); }
  static now() { return RealDate.now() + settings.clock * 1000; }
};
const { default: Provider, errors } = await import('oidc-provider'); // after its clock is set

const LONGEST_ASSERTION = 300; // SMART App Launch 2.2: no more than five minutes in the future
const TOLERANCE = 5;

const { tls } = settings;
const server = tls
  ? createTlsServer({ key: tls.key, cert: tls.cert, ca: tls.ca, requestCert: true, rejectUnauthorized: tls.refuses })
  : createServer();
await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
console.info = console.warn = (...words) => say({ warning: words.join(' ') });

const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const peer = (ctx) => (tls && ctx.req.socket.authorized ? ctx.req.socket.getPeerX509Certificate() : undefined);

const provider = new Provider(issuer, {
  clients: settings.clients.map((client) => ({
    grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...client,
  })),
  clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS384', 'ES384'] },
  clockTolerance: TOLERANCE,
  jwks: { keys: [{ ...signing, kid: 'signing', alg: 'RS256', use: 'sig' }] },
  scopes: settings.scopes,
  cookies: { keys: ['unused'] },
  assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header) => {
    if (claims.exp - Date.now() / 1000 > LONGEST_ASSERTION + TOLERANCE) {
      throw new errors.InvalidClientAuth('exp is more than five minutes ahead');
    }
    if (!header.kid || header.typ !== 'JWT') throw new errors.InvalidClientAuth('kid or typ is missing');
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => settings.audience,
      getResourceServerInfo: () => ({
        scope: settings.scopes.join(' '),
        audience: settings.audience,
        accessTokenTTL: settings.lifetime,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
    mTLS: {
      enabled: Boolean(tls),
      certificateBoundAccessTokens: true,
      getCertificate: (ctx) => peer(ctx)?.toString(),
    },
  },
});

provider.use(async (ctx, next) => {
  await next();
  ctx.set('Date', new Date().toUTCString());
});
provider.on('grant.success', (ctx) => say({ granted: ctx.oidc.client.clientId }));
provider.on('grant.error', (ctx, error) => say({ refused: error.error_detail || error.error_description || error.error }));

server.on('request', provider.callback());
say({ issuer });

process.stdin.on('data', () => say({ caughtUp: true })).on('end', () => process.exit(0));
