module seatrial.dev/weave

// Below 1.21, the go line here does not raise the one of the service that is woven.
go 1.18
