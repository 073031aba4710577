module payments-load

go 1.21
