# docker buildx bake: the image for this machine. docker buildx bake all: for every processor that Debian 12's image
# supports and nsinit is tested on. Debian 12 has no riscv64: BASE=debian:trixie-slim docker buildx bake riscv64.

variable "BASE" {
	default = "debian:bookworm-slim"
}

variable "COMMIT" {
	default = ""
}

variable "TAG" {
	default = "nsinit:latest"
}

group "default" {
	targets = ["nsinit"]
}

target "nsinit" {
	context = "."
	args = {
		BASE = BASE
		COMMIT = COMMIT
	}
	tags = [TAG]
}

target "all" {
	inherits = ["nsinit"]
	platforms = [
		"linux/386",
		"linux/amd64",
		"linux/arm/v7",
		"linux/arm64",
		"linux/ppc64le",
		"linux/s390x",
	]
}

target "riscv64" {
	inherits = ["nsinit"]
	platforms = ["linux/riscv64"]
}
