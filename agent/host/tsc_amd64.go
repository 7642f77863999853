package host

const hasTSC = true

// readTSC reads the time stamp counter after everything before it is done (tsc_amd64.s).
func readTSC() uint64
