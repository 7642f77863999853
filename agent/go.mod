module alcove.dev/agent

go 1.24.0

require (
	github.com/coder/websocket v1.8.15
	github.com/google/nftables v0.3.0
	github.com/mdlayher/netlink v1.8.0
	golang.org/x/net v0.50.0
	golang.org/x/sys v0.41.0
)

require (
	github.com/google/go-cmp v0.6.0 // indirect
	github.com/mdlayher/socket v0.5.1 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/text v0.34.0 // indirect
)
