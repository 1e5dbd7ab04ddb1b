// Swagger UI over the daemon's own description. A key goes in by its "Authorize", and stays in the page.

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
});
