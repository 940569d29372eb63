module example.com/trial-service

go 1.21
