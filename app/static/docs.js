// Starts Swagger UI. A file of its own, since scripts in the page are forbidden.
const place = document.getElementById("swagger");
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  validatorUrl: null, // would send the document to a third party
});
