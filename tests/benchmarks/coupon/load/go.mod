module coupon-load

go 1.21
