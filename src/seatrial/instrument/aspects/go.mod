module seatrial.dev/weave

go 1.22
