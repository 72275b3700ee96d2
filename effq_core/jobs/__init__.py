"""The one kernel for detached work: runs, sweeps, rescues and downloads."""
