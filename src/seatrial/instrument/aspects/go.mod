module seatrial.dev/weave

// 1.18: below 1.21 a requirement does not raise the go line of the service that has it.
go 1.18
