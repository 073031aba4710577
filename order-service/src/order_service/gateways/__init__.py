"""Payment providers behind the port :class:`order_service.application.ports.PaymentGateway`."""
