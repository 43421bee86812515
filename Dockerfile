# docker build -t memstore . && docker run -p 6379:6379 -v memstore:/data memstore
# Everything is a setting: docker run -e MEMSTORE_MAXMEMORY=2gb -e MEMSTORE_REQUIREPASS=secret … or arguments after the name, such as serve --shards auto.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TARGETARCH=amd64
WORKDIR /source
# What the program is made of and no more, so that a change of tests or documents builds nothing again.
COPY .editorconfig Directory.Build.props Directory.Packages.props global.json README.md ./
COPY src src
RUN case "$TARGETARCH" in amd64) rid=linux-x64 ;; *) rid=linux-$TARGETARCH ;; esac \
    && dotnet publish src/Memstore.Server -p:PublishProfile=$rid -p:PublishDir=/out/ -nologo -v q \
    && mkdir /empty

# No shell and no package manager in it; the user app has the number 1654.
FROM mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled
COPY --from=build /out/memstore /usr/local/bin/memstore
COPY --from=build --chown=1654:1654 /empty /data
USER 1654:1654
WORKDIR /data
VOLUME /data
# In a container, who publishes a port decides who reaches it.
ENV MEMSTORE_DATA=/data/memstore-data MEMSTORE_BIND="* -::*" MEMSTORE_HTTP_BIND="* -::*"
EXPOSE 6379 8080
# Loading many gigabytes takes its time. No --start-interval: builders older than Docker 25 do not know it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m CMD ["/usr/local/bin/memstore", "ping"]
ENTRYPOINT ["/usr/local/bin/memstore"]
CMD ["serve"]
