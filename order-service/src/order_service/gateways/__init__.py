"""Payment providers behind the port :class:`order_service.domain.gateway.PaymentGateway`."""
