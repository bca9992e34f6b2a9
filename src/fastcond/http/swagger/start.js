// Shows this server's own document and asks no other host, not even to validate it.
window.ui = SwaggerUIBundle({
  url: "/api-docs",
  validatorUrl: null,
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  presets: [SwaggerUIBundle.presets.apis],
});
